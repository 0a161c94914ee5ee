//! A package as one file. The first byte: what follows is a .tar.gz (0), or a .tar whose checksums are made to fit and that is packed here.

#![no_main]

use std::io::{Read, Write};
use std::path::PathBuf;
use std::sync::LazyLock;

use flate2::Compression;
use flate2::read::GzDecoder;
use flate2::write::GzEncoder;
use libfuzzer_sys::fuzz_target;
use tickmark::attest::{archive, package};
use tickmark_fuzz::{Files, fixture, frozen, scratch, sow};

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
        found.push(plain);
    }
    found
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
        let bytes = if way % 2 == 0 {
            rest.to_vec()
        } else {
            let mut tar = rest.to_vec();
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
