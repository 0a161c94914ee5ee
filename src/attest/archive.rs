//! A package as one file: a .tar.gz whose bytes follow from the package's, and that is read without trust.

use std::collections::{BTreeMap, BTreeSet};
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
/// What the largest package may take in a tar beside its bytes: headers, long names, what fills the blocks.
const BESIDE: u64 = (FILES as u64) << 12;
/// The length of a block of a tar.
const BLOCK: u64 = 512;

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
    read_within(path, file, size.saturating_mul(RATIO).clamp(ALWAYS, BYTES + BESIDE))
}

/// `limit`: of all that comes out of the compressed data, zeros after the end too.
fn read_within(path: &Path, file: File, limit: u64) -> Result<BTreeMap<String, Vec<u8>>, PackageError> {
    let mut unpacked = GzDecoder::new(BufReader::new(file)).take(limit.saturating_add(1));
    let found = entries(&mut unpacked, path, limit.min(BYTES)).and_then(|found| nothing_more(&mut unpacked, path).map(|()| found));
    if unpacked.limit() == 0 {
        return Err(PackageError::TooLarge(path.to_owned()));
    }
    found.map(unfolded)
}

fn entries(unpacked: impl Read, path: &Path, mut left: u64) -> Result<BTreeMap<String, Vec<u8>>, PackageError> {
    let unreadable = |error| PackageError::Unreadable(path.to_owned(), error);
    let too_large = || PackageError::TooLarge(path.to_owned());
    let (mut found, mut folders) = (BTreeMap::new(), BTreeSet::new());
    let mut archive = Archive::new(unpacked);
    for entry in archive.entries().map_err(unreadable)? {
        let entry = entry.map_err(unreadable)?;
        if found.len() >= FILES || folders.len() >= FILES {
            return Err(too_large());
        }
        let name = String::from_utf8(entry.path_bytes().into_owned()).map_err(|_| PackageError::Name(path.to_owned()))?;
        let within = name.strip_prefix("./").unwrap_or(&name);
        let folder = match entry.header().entry_type() {
            // What a folder held would be seen by nobody.
            EntryType::Directory if entry.size() == 0 => true,
            EntryType::Regular => false,
            _ => return Err(PackageError::Special(path.join(within))),
        };
        let within = if folder { within.strip_suffix('/').unwrap_or(within) } else { within };
        if folder && matches!(within, "" | ".") {
            continue;
        }
        if within.contains(['\\', '\0']) || within.split('/').any(|part| matches!(part, "" | "." | "..")) {
            return Err(PackageError::Outside(within.to_owned()));
        }
        if within.split('/').count() > DEPTH + 1 {
            return Err(too_large());
        }
        if folder {
            folders.insert(within.to_owned());
            continue;
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
    let above = found.keys().flat_map(|path| path.match_indices('/').map(|(at, _)| &path[..at]));
    match above.chain(folders.iter().map(String::as_str)).find(|folder| found.contains_key(*folder)) {
        Some(both) => Err(PackageError::Both(both.to_owned())),
        None => Ok(found),
    }
}

/// After the archive's end, two blocks of zeros of which one was read, there are only zeros, and after the compressed data nothing.
fn nothing_more(unpacked: &mut io::Take<GzDecoder<BufReader<File>>>, path: &Path) -> Result<(), PackageError> {
    let unreadable = |error| PackageError::Unreadable(path.to_owned(), error);
    let mut block = [0; 4096];
    let mut zeros = 0;
    loop {
        match unpacked.read(&mut block).map_err(unreadable)? {
            0 => break,
            read if block[..read].iter().all(|byte| *byte == 0) => zeros += read as u64,
            _ => return Err(PackageError::Trailing(path.to_owned())),
        }
    }
    if zeros < BLOCK {
        let why = "it is cut short: a tar ends with two blocks of zeros";
        return Err(unreadable(io::Error::new(io::ErrorKind::UnexpectedEof, why)));
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
        // A folder that is a file elsewhere, or has a content that nobody would see; folders themselves are passed over.
        let folder = EntryType::Directory;
        for (name, kind) in [("a", folder), ("a/", folder), ("a/b", file), ("./a/b/c", file)] {
            for entries in
                [[(&b"a"[..], file, &b"1"[..]), (name.as_bytes(), kind, b"")], [(name.as_bytes(), kind, b""), (b"a", file, b"1")]]
            {
                let result = opened(&packed(&entries));
                assert!(matches!(result, Err(PackageError::Both(_))), "{name}: {result:?}");
            }
        }
        for name in ["../b/", "/b/", "b/../c/", "b//"] {
            let result = opened(&packed(&[(b"a", file, b"1"), (name.as_bytes(), folder, b"")]));
            assert!(matches!(result, Err(PackageError::Outside(_))), "{name}: {result:?}");
        }
        assert!(opened(&packed(&[(b"a", file, b"1"), (b"b/", folder, b"2")])).is_err());
        assert!(opened(&packed(&[(b"./", folder, b""), (b"./a", file, b"1"), (b"b/c/", folder, b""), (b"b/c/d", file, b"1")])).is_ok());
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
        // A tar ends with two blocks of zeros; writers fill their records with more of them.
        let mut tar = Vec::new();
        GzDecoder::new(&archive[..]).read_to_end(&mut tar).unwrap();
        let entries = tar.len() - 1024;
        let ending = |zeros: usize| {
            let mut whole = GzBuilder::new().write(Vec::new(), Compression::fast());
            io::Write::write_all(&mut whole, &[&tar[..entries], &vec![0; zeros]].concat()).unwrap();
            opened(&whole.finish().unwrap())
        };
        for zeros in [0, 100, 512, 1023] {
            let result = ending(zeros);
            assert!(matches!(result, Err(PackageError::Unreadable(..))), "{zeros}: {result:?}");
        }
        assert!(ending(1024).is_ok() && ending(10_752).is_ok());
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
        assert!(within(&write(&files(7, 1 << 17)).unwrap()).is_ok());
        // Every byte of the tar counts: headers, and zeros after the end.
        assert!(matches!(within(&write(&files(8, 1 << 17)).unwrap()), Err(PackageError::TooLarge(_))));
        let padded = |zeros: usize| {
            let mut tar = Vec::new();
            GzDecoder::new(&write(&files(1, 1)).unwrap()[..]).read_to_end(&mut tar).unwrap();
            tar.resize(tar.len() + zeros, 0);
            let mut whole = GzBuilder::new().write(Vec::new(), Compression::fast());
            io::Write::write_all(&mut whole, &tar).unwrap();
            within(&whole.finish().unwrap())
        };
        assert!(padded(1 << 16).is_ok());
        assert!(matches!(padded(1 << 20), Err(PackageError::TooLarge(_))));
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
