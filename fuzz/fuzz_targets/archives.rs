//! A package as one file. The first byte says what follows: a .tar.gz (0), a .tar whose checksums are made to fit and that is packed here (1), or
//! files, each after a line `==== PATH`, that are put into one whatever their paths are (2).

#![no_main]

use std::io::{Read, Write};
use std::path::PathBuf;
use std::sync::LazyLock;

use flate2::Compression;
use flate2::read::GzDecoder;
use flate2::write::GzEncoder;
use libfuzzer_sys::fuzz_target;
use tickmark::attest::{archive, package};
use tickmark_fuzz::{Files, fixture, frozen, parts, scratch, sow, whole};

static FILE: LazyLock<PathBuf> = LazyLock::new(|| scratch("package.tar.gz"));

fn seeds() -> Vec<Vec<u8>> {
    let mut found = Vec::new();
    let mut frozen = frozen("package.tar.gz");
    frozen.retain(|path, bytes| bytes.len() < 600 || path.starts_with("attest"));
    let long = format!("inputs/{}/evidence.csv", "folder/".repeat(30).trim_end_matches('/'));
    let small = Files::from([("manifest.json".to_owned(), b"{}".to_vec()), (long, b"x".to_vec()), ("a/b".to_owned(), vec![])]);
    for packed in [fixture("tests/frozen/1/disclosure.tar.gz"), archive::write(&frozen).unwrap(), archive::write(&small).unwrap()] {
        let mut plain = vec![1];
        GzDecoder::new(&packed[..]).read_to_end(&mut plain).unwrap();
        found.push([&[0][..], &packed].concat());
        found.push([&[2][..], &whole(&archive_of(&packed))].concat());
        found.push(plain);
    }
    found
}

fn archive_of(packed: &[u8]) -> Files {
    std::fs::write(&*FILE, packed).unwrap();
    archive::read(&FILE).unwrap()
}

/// An archive of whatever names. What stands before a `|` in one says of which type it is.
fn packed_as_named(files: &Files) -> Vec<u8> {
    let mut out = Vec::new();
    for (path, bytes) in files {
        let (kind, name) = path.split_once('|').unwrap_or(("0", path));
        let mut header = [0; 512];
        let name = &name.as_bytes()[..name.len().min(100)];
        header[..name.len()].copy_from_slice(name);
        header[100..107].copy_from_slice(b"0000644");
        header[124..135].copy_from_slice(format!("{:011o}", bytes.len()).as_bytes());
        header[156] = kind.bytes().next().unwrap_or(b'0');
        header[257..265].copy_from_slice(b"ustar  \0");
        out.extend(header);
        out.extend(bytes);
        out.resize(out.len().next_multiple_of(512), 0);
    }
    out.resize(out.len() + 1024, 0);
    out
}

/// Every header where one is expected, with the checksum that fits it.
fn mended(tar: &mut [u8]) {
    let mut at = 0;
    while let Some(block) = tar.get_mut(at..at + 512) {
        if block.iter().all(|byte| *byte == 0) {
            at += 512;
            continue;
        }
        block[148..156].fill(b' ');
        let sum: u32 = block.iter().map(|byte| u32::from(*byte)).sum();
        block[148..155].copy_from_slice(format!("{sum:06o}\0").as_bytes());
        let size = std::str::from_utf8(&block[124..135]).ok().and_then(|text| usize::from_str_radix(text.trim(), 8).ok()).unwrap_or(0);
        at = at.saturating_add(512).saturating_add(size.div_ceil(512).saturating_mul(512));
        if at > 1 << 30 {
            return;
        }
    }
}

fuzz_target!(
    init: sow("archives", seeds()),
    |data: &[u8]| {
        let Some((way, rest)) = data.split_first() else { return };
        let named = parts(rest).filter(|_| way % 3 == 2);
        let bytes = if way % 3 == 0 {
            rest.to_vec()
        } else {
            let mut tar = named.map_or_else(|| rest.to_vec(), |files| packed_as_named(&files));
            mended(&mut tar);
            let mut packer = GzEncoder::new(Vec::new(), Compression::fast());
            packer.write_all(&tar).unwrap();
            packer.finish().unwrap()
        };
        std::fs::write(&*FILE, &bytes).unwrap();
        let Ok(files) = archive::read(&FILE) else { return };
        for path in files.keys() {
            let parts: Vec<&str> = path.split('/').collect();
            assert!(!path.starts_with('/') && !parts.iter().any(|part| matches!(*part, "" | "." | "..")), "{path:?} leads elsewhere");
        }
        if let Ok(manifest) = package::manifest(&FILE, &files) {
            let _ = package::differences(&manifest, &files);
        }
        if let Ok(written) = archive::write(&files) {
            std::fs::write(&*FILE, &written).unwrap();
            let again = archive::read(&FILE).expect("what is written is read");
            assert!(again == files, "it holds other files: {:?} {:?}", files.keys(), again.keys());
        }
    }
);
