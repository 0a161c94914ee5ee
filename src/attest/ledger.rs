//! The ledger: one line per run, each of which names the head of all lines before it. The lines are the leaves of a tree as RFC 9162 has it, so
//! that a head stands for all of them, and one head can be shown to have grown from another.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::dsse::{self, Envelope};
use super::key::SecretKey;
use super::policy::Head;
use super::sign_off::ROOT;
use super::tree::{self, Hash, Tree};
use crate::model::digest::hex;
use crate::model::value::Time;

/// The `schema` of an entry, and of a receipt.
pub const ENTRY: &str = "tickmark/ledger-entry/1";
pub const RECEIPT: &str = "tickmark/ledger-receipt/1";
/// The type of a signed head's predicate, and what the ledger is called among its subjects.
pub const HEAD: (&str, &str) = ("urn:tickmark:ledger-head:1", "ledger");
/// Where a package keeps its receipt.
pub const PATH: &str = "attest/ledger.json";
/// The largest ledger that is read.
const LIMIT: u64 = 1 << 30;

/// Why a ledger cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum LedgerError {
    #[error("the ledger cannot be read or written: {0}")]
    Io(#[from] io::Error),
    #[error("the ledger is larger than {LIMIT} bytes")]
    TooLarge,
    #[error("the ledger was changed: line {0}: {1}")]
    Broken(u64, String),
    #[error("it cannot be written as JSON: {0}")]
    Json(#[from] serde_json::Error),
}

/// One run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Entry {
    pub as_of: String,
    pub exit: u8,
    /// Of the project.
    pub name: String,
    /// The head of all entries before this one.
    pub previous: Head,
    pub root: String,
    pub schema: String,
    /// The fingerprint of the key that signs the head; null: nobody does.
    pub signer: Option<String>,
}

/// What is known of a run before it has its place.
#[derive(Clone, Copy, Debug)]
pub struct Run<'r> {
    pub as_of: Time,
    pub exit: u8,
    pub name: &'r str,
    pub root: &'r str,
}

/// A ledger that was read and holds together.
#[derive(Clone, Debug, Default)]
pub struct Ledger {
    pub entries: Vec<Entry>,
    leaves: Vec<Hash>,
}

/// The predicate of a signed head.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Size {
    size: u64,
}

/// Where a run stands in the ledger, and what proves it: kept in the package.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Receipt {
    pub entry: Entry,
    pub head: Head,
    /// The head signed: a DSSE envelope; null where nobody signed it.
    pub signed: Option<dsse::Wire>,
    pub schema: String,
    /// The path from the entry to the head.
    pub path: Vec<String>,
}

impl Ledger {
    /// Reads a ledger and holds every line against those before it. Bytes after the last line feed are what a dead run left: they are no line.
    ///
    /// # Errors
    /// [`LedgerError`]: the first line that does not fit.
    pub fn read(bytes: &[u8]) -> Result<Ledger, LedgerError> {
        let mut ledger = Ledger::default();
        let mut tree = Tree::default();
        let whole = bytes.iter().rposition(|byte| *byte == b'\n').map_or(0, |end| end + 1);
        for (number, line) in (1..).zip(bytes[..whole].split_inclusive(|byte| *byte == b'\n')) {
            let line = line.strip_suffix(b"\n").unwrap_or(line);
            let wrong = |why: String| LedgerError::Broken(number, why);
            let entry: Entry = serde_json::from_slice(line).map_err(|error| wrong(error.to_string()))?;
            if entry.schema != ENTRY {
                return Err(wrong(format!("its schema is `{}`; expected `{ENTRY}`", entry.schema)));
            }
            if unhex(&entry.root).is_none() {
                return Err(wrong(format!("its `root` is no hash in hex: `{}`", entry.root)));
            }
            if serde_json_canonicalizer::to_vec(&entry)? != line {
                return Err(wrong("it is not canonical JSON".to_owned()));
            }
            let head = head(&tree);
            if entry.previous != head {
                return Err(wrong(format!(
                    "it follows a head of {} entries, {}, and the {} before it have {}: a line was removed, moved, changed or put in",
                    entry.previous.size, entry.previous.root, head.size, head.root
                )));
            }
            let leaf = tree::leaf(line);
            tree.push(leaf);
            ledger.leaves.push(leaf);
            ledger.entries.push(entry);
        }
        Ok(ledger)
    }

    #[must_use]
    pub fn head(&self) -> Head {
        Head { root: hex(&tree::of(&self.leaves)), size: self.leaves.len() as u64 }
    }

    /// Whether this ledger starts with everything that the head of an earlier one stood for.
    #[must_use]
    pub fn grew_from(&self, earlier: &Head) -> bool {
        let size = usize::try_from(earlier.size).unwrap_or(usize::MAX);
        self.leaves.get(..size).is_some_and(|leaves| hex(&tree::of(leaves)) == earlier.root)
    }

    /// What proves to somebody without the ledger that its head grew from an earlier one.
    #[must_use]
    pub fn consistency(&self, earlier: &Head) -> Vec<String> {
        tree::consistency(&self.leaves, earlier.size).iter().map(|hash| hex(hash)).collect()
    }
}

fn head(tree: &Tree) -> Head {
    Head { root: hex(&tree.root()), size: tree.size() }
}

/// Appends a run, with a lock held: runs at the same time stand one after the other. Gives the receipt for the package.
///
/// # Errors
/// [`LedgerError`]; the ledger is then as it was.
pub fn append(path: &Path, run: Run, key: Option<&SecretKey>) -> Result<Receipt, LedgerError> {
    let mut file = File::options().read(true).write(true).create(true).truncate(false).open(path)?;
    file.lock()?;
    if file.metadata()?.len() > LIMIT {
        return Err(LedgerError::TooLarge);
    }
    let mut bytes = Vec::new();
    file.read_to_end(&mut bytes)?;
    let mut ledger = Ledger::read(&bytes)?;
    let entry = Entry {
        as_of: run.as_of.to_string(),
        exit: run.exit,
        name: run.name.to_owned(),
        previous: ledger.head(),
        root: run.root.to_owned(),
        schema: ENTRY.to_owned(),
        signer: key.map(|key| key.public().fingerprint()),
    };
    let mut line = serde_json_canonicalizer::to_vec(&entry)?;
    let leaf = tree::leaf(&line);
    ledger.leaves.push(leaf);
    let head = ledger.head();
    let signed = key.map(|key| sign(key, &head)).transpose()?.map(|bytes| serde_json::from_slice(&bytes)).transpose()?;
    let mut tree = Tree::watching([head.size - 1]);
    ledger.leaves.iter().for_each(|leaf| tree.push(*leaf));
    let (_, paths) = tree.finish();
    // A line that a dead run did not finish was never anybody's: it is overwritten.
    let end = bytes.iter().rposition(|byte| *byte == b'\n').map_or(0, |end| end + 1) as u64;
    line.push(b'\n');
    let written =
        file.set_len(end).and_then(|()| file.seek(SeekFrom::Start(end))).and_then(|_| file.write_all(&line)).and_then(|()| file.sync_all());
    if let Err(error) = written {
        let _ = file.set_len(end);
        return Err(error.into());
    }
    if let Some(signed) = &signed {
        // Beside the ledger, while the lock is held: its latest head.
        let beside = beside(path);
        let temporary = beside.with_extension("tmp");
        std::fs::write(&temporary, serde_json_canonicalizer::to_vec(signed)?)?;
        std::fs::rename(&temporary, &beside)?;
    }
    let path = paths.into_values().flatten().map(|hash| hex(&hash)).collect();
    Ok(Receipt { entry, head, signed, schema: RECEIPT.to_owned(), path })
}

/// Where the latest signed head of a ledger stands.
#[must_use]
pub fn beside(ledger: &Path) -> std::path::PathBuf {
    let mut name = ledger.as_os_str().to_owned();
    name.push(".head.json");
    name.into()
}

/// A head, signed.
///
/// # Errors
/// It cannot be written as canonical JSON.
pub fn sign(key: &SecretKey, head: &Head) -> Result<Vec<u8>, serde_json::Error> {
    dsse::sign(key, &[(HEAD.1, ROOT.1, &head.root)], HEAD.0, &serde_json::json!({ "size": head.size }))
}

/// The head that an envelope signs.
///
/// # Errors
/// It signs no head.
pub fn signed_head(envelope: &Envelope) -> Result<Head, String> {
    let statement = &envelope.statement;
    let root = statement.digest(HEAD.1, ROOT.1).filter(|root| statement.predicate_type == HEAD.0 && unhex(root).is_some());
    let Some(root) = root else { return Err("it signs no head of a ledger".to_owned()) };
    if let Some(more) = statement.beside(&[(HEAD.1, ROOT.1)]).pop() {
        return Err(more);
    }
    let Size { size } =
        serde_json::from_str(statement.predicate.get()).map_err(|error| format!("its predicate cannot be read: {error}"))?;
    Ok(Head { root: root.to_owned(), size })
}

/// Whether the entry of a receipt stands under its head, as the last.
#[must_use]
pub fn stands(receipt: &Receipt) -> bool {
    let Ok(line) = serde_json_canonicalizer::to_vec(&receipt.entry) else { return false };
    let path: Option<Vec<Hash>> = receipt.path.iter().map(|text| unhex(text)).collect();
    let (Some(path), index) = (path, receipt.entry.previous.size) else { return false };
    index.checked_add(1) == Some(receipt.head.size)
        && tree::root_of(tree::leaf(&line), index, receipt.head.size, &path).is_some_and(|root| hex(&root) == receipt.head.root)
}

/// A hash from its hex.
#[must_use]
pub fn unhex(text: &str) -> Option<Hash> {
    let mut hash = Hash::default();
    if text.len() != 64 || !text.bytes().all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte)) {
        return None;
    }
    for (at, byte) in hash.iter_mut().enumerate() {
        *byte = u8::from_str_radix(text.get(2 * at..2 * at + 2)?, 16).ok()?;
    }
    Some(hash)
}

/// The receipt in what lies in `attest/`.
///
/// # Errors
/// It is no receipt.
pub fn receipt(attested: &BTreeMap<String, Vec<u8>>) -> Option<Result<Receipt, String>> {
    let bytes = attested.get(PATH)?;
    Some(serde_json::from_slice::<Receipt>(bytes).map_err(|error| error.to_string()).and_then(|receipt| {
        if receipt.schema == RECEIPT { Ok(receipt) } else { Err(format!("its schema is `{}`; expected `{RECEIPT}`", receipt.schema)) }
    }))
}
