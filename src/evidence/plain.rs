//! Bytes as they came → plain UTF-8: gzip unpacked, UTF-16 converted, byte order marks taken off.

use std::borrow::Cow;
use std::io::{Read, Write};

use flate2::read::MultiGzDecoder;
use flate2::{Compression, GzBuilder};

/// What a gzip file starts with (RFC 1952).
const GZIP: [u8; 2] = [0x1f, 0x8b];
/// The most that one file may unpack to: as much as a file that comes unpacked may hold.
const UNPACKED: u64 = super::files::LIMIT;
/// How many times its own size a file may unpack to, once it is beyond [`ENOUGH`]. Logs reach 20 to 60.
const RATIO: u64 = 250;
/// Below this, nobody asks for the ratio.
const ENOUGH: u64 = 32 << 20;

/// True for what gzip wrote, whatever the file is called.
pub fn is_packed(bytes: &[u8]) -> bool {
    bytes.starts_with(&GZIP)
}

/// The name of a file without `.gz`: its ending says what is in it.
pub fn name(path: &str) -> &str {
    path.strip_suffix(".gz").unwrap_or(path)
}

/// Plain UTF-8 of a file's bytes; whether it is valid UTF-8 is found out where it is parsed.
///
/// # Errors
/// Why it cannot be had. Nothing of the content is quoted.
pub fn plain(bytes: &[u8]) -> Result<Cow<'_, [u8]>, String> {
    if !is_packed(bytes) {
        return unicode(bytes);
    }
    let unpacked = unpacked(bytes)?;
    let converted = match unicode(&unpacked)? {
        Cow::Borrowed(rest) if rest.len() == unpacked.len() => None,
        other => Some(other.into_owned()),
    };
    Ok(Cow::Owned(converted.unwrap_or(unpacked)))
}

fn unpacked(bytes: &[u8]) -> Result<Vec<u8>, String> {
    let packed = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
    let limit = UNPACKED.min(packed.saturating_mul(RATIO).max(ENOUGH));
    let mut out = Vec::new();
    // Members that follow one another are one file: that is how logs are joined.
    let mut reader = MultiGzDecoder::new(bytes).take(limit + 1);
    reader.read_to_end(&mut out).map_err(|error| format!("gzip that cannot be unpacked: {error}"))?;
    if out.len() as u64 > limit {
        return Err(if limit == UNPACKED {
            format!("gzip that unpacks to more than {UNPACKED} bytes; split the export")
        } else {
            format!(
                "gzip of {packed} bytes that unpacks to more than {limit}, over {RATIO} times its size: unpack it yourself if it is what it should be"
            )
        });
    }
    Ok(out)
}

/// Packs what takes the place of a packed file, so that its name stays true. Nothing but the content decides the bytes.
pub fn pack(bytes: &[u8]) -> Vec<u8> {
    let mut writer = GzBuilder::new().write(Vec::new(), Compression::default());
    // Writing to memory does not fail; if it did, the file stays as it is, unpacked.
    match writer.write_all(bytes).and_then(|()| writer.finish()) {
        Ok(packed) => packed,
        Err(_) => bytes.to_owned(),
    }
}

/// UTF-8 without its mark; UTF-16 with a mark is converted.
fn unicode(bytes: &[u8]) -> Result<Cow<'_, [u8]>, String> {
    let units = |order: fn([u8; 2]) -> u16| -> Result<Cow<'_, [u8]>, String> {
        let rest = &bytes[2..];
        if !rest.len().is_multiple_of(2) {
            return Err("UTF-16 that ends in the middle of a character".to_owned());
        }
        let units: Vec<u16> = rest.chunks_exact(2).map(|pair| order([pair[0], pair[1]])).collect();
        String::from_utf16(&units).map(|text| Cow::Owned(text.into_bytes())).map_err(|_| "invalid UTF-16".to_owned())
    };
    match bytes {
        [0xef, 0xbb, 0xbf, rest @ ..] => Ok(Cow::Borrowed(rest)),
        [0xff, 0xfe, ..] => units(u16::from_le_bytes),
        [0xfe, 0xff, ..] => units(u16::from_be_bytes),
        _ => Ok(Cow::Borrowed(bytes)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gzip_is_known_by_its_first_bytes_and_members_are_joined() {
        let mut two = pack(b"a,b\n1,2\n");
        two.extend(pack("3,\u{fc}\n".as_bytes()));
        assert_eq!(plain(&two).unwrap(), "a,b\n1,2\n3,\u{fc}\n".as_bytes());
        assert_eq!(plain(b"a,b\n").unwrap(), b"a,b\n".as_slice());
        assert!(plain(&two[..20]).unwrap_err().starts_with("gzip that cannot be unpacked"));
        assert_eq!(pack(b"x"), pack(b"x"));
    }

    #[test]
    fn a_file_that_unpacks_to_far_more_than_it_is_is_refused() {
        let bomb = pack(&vec![0; 64 << 20]);
        let why = plain(&bomb).unwrap_err();
        assert!(why.contains("over 250 times its size"), "{why}");
        assert_eq!(plain(&pack(&vec![0; 1 << 20])).unwrap().len(), 1 << 20);
    }

    #[test]
    fn utf_16_also_in_gzip() {
        let wide: Vec<u8> = [0xfeff_u16].into_iter().chain("{\"a\":\"\u{fc}\"}".encode_utf16()).flat_map(u16::to_le_bytes).collect();
        assert_eq!(plain(&wide).unwrap(), "{\"a\":\"\u{fc}\"}".as_bytes());
        assert_eq!(plain(&pack(&wide)).unwrap(), "{\"a\":\"\u{fc}\"}".as_bytes());
        assert!(plain(&wide[..5]).is_err());
    }
}
