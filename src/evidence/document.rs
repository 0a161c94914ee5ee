//! One document → an export: secrets out of it, then its records.

use super::EvidenceError;
use super::decode::{self, Decoded};
use super::detect::Search;
use super::filling::{self, Filling};
use super::mapping::Kept;
use super::{pages, redact};
use crate::model::project::Format;

/// Reads a document, or what could not be decoded as one.
///
/// # Errors
/// A filter goes beyond its bounds.
pub fn read(filling: &mut Filling<'_>, decoded: Decoded, plain: &[u8]) -> Result<Kept, EvidenceError> {
    let (mapping, path) = (filling.reading.mapping, filling.path().to_owned());
    let mut decoded = decoded;
    let kept = match without_secrets(filling, &mut decoded, plain) {
        Ok(kept) => kept,
        Err(reason) => return Ok(Kept::LeftOut(reason)),
    };
    // What is kept is what is judged: the same bytes give the same rows to whoever reads the package.
    if let Kept::Rewritten(bytes, _) = &kept {
        decoded = decode::decode(mapping.format, &path, bytes);
    }
    for (position, reason) in std::mem::take(&mut decoded.quarantine) {
        filling.fault(position, reason);
    }
    let Some(document) = &decoded.document else {
        filling.empty(&decoded.header);
        return Ok(kept);
    };
    let others = pages::others(document);
    if others > 0 {
        filling.note(format!("{others} of its recorded responses answer something else, and were not read"));
    }
    let config = filling.reading.config;
    let (jobs, faults) = filling::jobs(decoded, config, &filling::file(&path, config));
    for (position, reason) in faults {
        filling.quarantine(position, reason);
    }
    filling.run(jobs)?;
    Ok(kept)
}

/// Takes secrets out of a document; gives what may be kept of the file.
///
/// # Errors
/// Why nothing of it may be.
fn without_secrets(filling: &Filling<'_>, decoded: &mut Decoded, plain: &[u8]) -> Result<Kept, String> {
    let (config, mapping, key) = (filling.reading.config, filling.reading.mapping, filling.reading.key);
    let mut search = Search::new(&config.not_secret, plain);
    if mapping.format == Format::Pem {
        let (kept, count) = redact::without_private_keys(plain);
        search.bytes(&kept);
        search.ended()?;
        return Ok(if kept == plain { Kept::AsItCame } else { Kept::Rewritten(kept, count) });
    }
    // Of JSON without escapes every text stands in the file as it reads.
    let literal = mapping.format == Format::Json && !pages::is_recording(plain) && !plain.contains(&b'\\');
    let quiet = literal && search.is_quiet(plain);
    let mut count = 0;
    if let Some(document) = &mut decoded.document {
        count = redact::redact(document, &mapping.secrets, key);
        search.value(document, None, quiet);
    }
    let wrapped = decoded.document.as_ref().is_some_and(|document| pages::bodies(document).is_some());
    let as_it_came = mapping.secrets.is_empty() && !wrapped;
    if as_it_came {
        search.bytes(plain);
    }
    search.ended()?;
    match (&decoded.document, decoded.quarantine.first()) {
        _ if as_it_came => Ok(Kept::AsItCame),
        (None, Some((_, reason))) => Err(reason.clone()),
        (None, None) => Ok(Kept::AsItCame),
        (Some(document), _) => {
            let kept = format!("{document:#}\n").into_bytes();
            Ok(if kept == plain { Kept::AsItCame } else { Kept::Rewritten(kept, count) })
        }
    }
}
