//! A package as one file: a .tar.gz whose bytes follow from the package's, and that is read without trust.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, BufReader, Read};
use std::path::Path;

use flate2::bufread::GzDecoder;
use flate2::{Compression, GzBuilder};
use tar::{Archive, Builder, EntryType, Header};

use super::manifest::PATH;
use super::package::{BYTES, DEPTH, FILES, PackageError};

/// The folder that an archive unpacks to.
const FOLDER: &str = "package/";
/// What an archive may unpack to, however small it is, and how many times its own size beyond that.
const ALWAYS: u64 = 256 << 20;
const RATIO: u64 = 200;

/// The archive of a package: files sorted by path, no time, no owner.
///
/// # Errors
/// A path that an archive cannot hold.
pub fn write(files: &BTreeMap<String, Vec<u8>>) -> io::Result<Vec<u8>> {
    let packed = GzBuilder::new().mtime(0).operating_system(255).write(Vec::new(), Compression::new(6));
    let mut archive = Builder::new(packed);
    for (path, bytes) in files {
        let mut header = Header::new_gnu();
        header.set_entry_type(EntryType::Regular);
        header.set_size(bytes.len() as u64);
        header.set_mode(0o644);
        header.set_mtime(0);
        header.set_uid(0);
        header.set_gid(0);
        archive.append_data(&mut header, format!("{FOLDER}{path}"), &bytes[..])?;
    }
    archive.into_inner()?.finish()
}

/// Every file of an archive, in memory: nothing is unpacked. Links, devices, paths that lead elsewhere and archives that unpack to more than a
/// package may be are refused.
///
/// # Errors
/// [`PackageError`]
pub fn read(path: &Path) -> Result<BTreeMap<String, Vec<u8>>, PackageError> {
    let unreadable = |error| PackageError::Unreadable(path.to_owned(), error);
    let file = File::open(path).map_err(unreadable)?;
    let size = file.metadata().map_err(unreadable)?.len();
    read_within(path, file, size.saturating_mul(RATIO).clamp(ALWAYS, BYTES))
}

fn read_within(path: &Path, file: File, limit: u64) -> Result<BTreeMap<String, Vec<u8>>, PackageError> {
    let unreadable = |error| PackageError::Unreadable(path.to_owned(), error);
    let too_large = || PackageError::TooLarge(path.to_owned());
    let mut left = limit;
    let mut unpacked = GzDecoder::new(BufReader::new(file)).take(limit.saturating_mul(2));
    let mut found = BTreeMap::new();
    let mut archive = Archive::new(&mut unpacked);
    for (number, entry) in archive.entries().map_err(unreadable)?.enumerate() {
        let entry = entry.map_err(unreadable)?;
        if number >= FILES {
            return Err(too_large());
        }
        let name = String::from_utf8(entry.path_bytes().into_owned()).map_err(|_| PackageError::Name(path.to_owned()))?;
        let within = name.strip_prefix("./").unwrap_or(&name);
        match entry.header().entry_type() {
            EntryType::Directory => continue,
            EntryType::Regular => {}
            _ => return Err(PackageError::Special(path.join(within))),
        }
        if within.contains(['\\', '\0']) || within.split('/').any(|part| matches!(part, "" | "." | "..")) {
            return Err(PackageError::Outside(within.to_owned()));
        }
        if within.split('/').count() > DEPTH + 1 {
            return Err(too_large());
        }
        let mut bytes = Vec::new();
        let promised = entry.size();
        left = left.checked_sub(promised).ok_or_else(too_large)?;
        let read = entry.take(promised).read_to_end(&mut bytes).map_err(unreadable)?;
        if read as u64 != promised {
            return Err(unreadable(io::Error::new(io::ErrorKind::UnexpectedEof, format!("`{within}` is cut short"))));
        }
        if found.insert(within.to_owned(), bytes).is_some() {
            return Err(PackageError::Twice(within.to_owned()));
        }
    }
    nothing_more(&mut unpacked, path)?;
    Ok(unfolded(found))
}

/// After the archive's end there are only zeros, and after the compressed data nothing.
fn nothing_more(unpacked: &mut io::Take<GzDecoder<BufReader<File>>>, path: &Path) -> Result<(), PackageError> {
    let unreadable = |error| PackageError::Unreadable(path.to_owned(), error);
    let mut block = [0; 4096];
    loop {
        match unpacked.read(&mut block).map_err(unreadable)? {
            0 => break,
            read if block[..read].iter().all(|byte| *byte == 0) => {}
            _ => return Err(PackageError::Trailing(path.to_owned())),
        }
    }
    if unpacked.limit() == 0 {
        return Err(PackageError::TooLarge(path.to_owned()));
    }
    let rest = unpacked.get_mut().get_mut().read(&mut block).map_err(unreadable)?;
    if rest > 0 { Err(PackageError::Trailing(path.to_owned())) } else { Ok(()) }
}

/// Without the one folder that everything lies in, where there is one.
fn unfolded(files: BTreeMap<String, Vec<u8>>) -> BTreeMap<String, Vec<u8>> {
    if files.contains_key(PATH) {
        return files;
    }
    let Some((folder, _)) = files.keys().next().and_then(|first| first.split_once('/')) else { return files };
    let folder = format!("{folder}/");
    if files.keys().any(|path| !path.starts_with(&folder)) {
        return files;
    }
    files.into_iter().map(|(path, bytes)| (path[folder.len()..].to_owned(), bytes)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn package() -> BTreeMap<String, Vec<u8>> {
        let long = format!("inputs/{}/evidence.csv", "folder/".repeat(30).trim_end_matches('/'));
        [(PATH, b"{}".to_vec()), ("report.md", vec![b'x'; 100_000]), (&*long, Vec::new()), ("inputs/\u{e9}.csv", b"1".to_vec())]
            .map(|(path, bytes)| (path.to_owned(), bytes))
            .into()
    }

    fn opened(bytes: &[u8]) -> Result<BTreeMap<String, Vec<u8>>, PackageError> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("package.tar.gz");
        std::fs::write(&path, bytes).unwrap();
        read(&path)
    }

    fn packed(entries: &[(&[u8], EntryType, &[u8])]) -> Vec<u8> {
        let mut archive = Builder::new(GzBuilder::new().write(Vec::new(), Compression::fast()));
        for (path, kind, bytes) in entries {
            let mut header = Header::new_gnu();
            header.set_entry_type(*kind);
            header.set_size(bytes.len() as u64);
            header.set_mode(0o644);
            // Written past the checks of the library.
            header.as_gnu_mut().unwrap().name[..path.len()].copy_from_slice(path);
            header.as_gnu_mut().unwrap().linkname[..11].copy_from_slice(b"/etc/passwd");
            header.set_cksum();
            archive.append(&header, *bytes).unwrap();
        }
        archive.into_inner().unwrap().finish().unwrap()
    }

    #[test]
    fn what_is_written_is_read_and_the_same_each_time() {
        let files = package();
        let archive = write(&files).unwrap();
        assert_eq!(archive, write(&files).unwrap());
        assert_eq!(opened(&archive).unwrap(), files);
    }

    #[test]
    fn what_leads_elsewhere_is_refused() {
        let file = EntryType::Regular;
        for name in ["/etc/passwd", "package/../../x", "..", "package//x", "a\\b", "package/./x"] {
            let result = opened(&packed(&[(b"package/manifest.json", file, b"{}"), (name.as_bytes(), file, b"x")]));
            assert!(matches!(result, Err(PackageError::Outside(_))), "{name}: {result:?}");
        }
        for kind in [EntryType::Symlink, EntryType::Link, EntryType::Char, EntryType::Block, EntryType::Fifo, EntryType::GNUSparse] {
            let result = opened(&packed(&[(b"package/manifest.json", kind, b"")]));
            assert!(result.is_err(), "{kind:?}: {result:?}");
        }
        let result = opened(&packed(&[(b"a", file, b"1"), (b"a", file, b"2")]));
        assert!(matches!(result, Err(PackageError::Twice(_))), "{result:?}");
        let result = opened(&packed(&[(b"\xff\xfe", file, b"1")]));
        assert!(matches!(result, Err(PackageError::Name(_))), "{result:?}");
        let deep = "d/".repeat(48) + "x";
        assert!(opened(&packed(&[(deep.as_bytes(), file, b"1")])).is_ok());
    }

    #[test]
    fn what_is_broken_or_has_more_behind_it_is_refused() {
        let archive = write(&package()).unwrap();
        for length in (0..archive.len()).step_by(1 + archive.len() / 97) {
            assert!(opened(&archive[..length]).is_err(), "cut at {length}");
        }
        let mut more = archive.clone();
        more.push(0);
        assert!(matches!(opened(&more), Err(PackageError::Trailing(_))));
        let twice = [archive.clone(), archive].concat();
        assert!(matches!(opened(&twice), Err(PackageError::Trailing(_))));
    }

    #[test]
    fn a_bomb_is_refused_before_it_unfolds() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("package.tar.gz");
        let within = |bytes: &[u8]| {
            std::fs::write(&path, bytes).unwrap();
            read_within(&path, File::open(&path).unwrap(), 1 << 20)
        };
        let files = |count: usize, size: usize| (0..count).map(|number| (format!("f{number}"), vec![0; size])).collect();
        // In one file, in many, in what is promised and not there, and in what comes after the end.
        for bytes in [write(&files(1, (1 << 20) + 1)).unwrap(), write(&files(9, 1 << 17)).unwrap()] {
            assert!(bytes.len() < 1 << 14, "{}", bytes.len());
            assert!(matches!(within(&bytes), Err(PackageError::TooLarge(_))));
        }
        assert!(within(&write(&files(8, 1 << 17)).unwrap()).is_ok());
        let mut archive = Builder::new(GzBuilder::new().write(Vec::new(), Compression::fast()));
        let mut header = Header::new_gnu();
        header.set_size(u64::MAX >> 2);
        header.set_path("f").unwrap();
        header.set_cksum();
        archive.append(&header, &b"x"[..]).unwrap();
        assert!(matches!(within(&archive.into_inner().unwrap().finish().unwrap()), Err(PackageError::TooLarge(_))));
        let mut zeros = GzBuilder::new().write(Vec::new(), Compression::fast());
        io::Write::write_all(&mut zeros, &vec![0; 3 << 20]).unwrap();
        assert!(matches!(within(&zeros.finish().unwrap()), Err(PackageError::TooLarge(_))));
    }
}
