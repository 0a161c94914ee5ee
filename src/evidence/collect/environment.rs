//! What a command gets of the environment: a list of what is allowed, and nothing else.

use std::ffi::OsString;

use crate::model::project::Collect;

/// What every command gets.
pub const USUAL: [&str; 20] = [
    "PATH",
    "HOME",
    "USER",
    "LOGNAME",
    "SHELL",
    "LANG",
    "LC_*",
    "TZ",
    "TMPDIR",
    "XDG_*",
    "SSL_CERT_FILE",
    "SSL_CERT_DIR",
    "HTTP_PROXY",
    "HTTPS_PROXY",
    "NO_PROXY",
    "ALL_PROXY",
    "http_proxy",
    "https_proxy",
    "no_proxy",
    "all_proxy",
];

/// The variables for a source: the usual, those that its mapping names, and its own.
pub fn of(collect: Option<&Collect>, own: &[String]) -> Vec<(OsString, OsString)> {
    let mut allowed: Vec<&str> = USUAL.to_vec();
    allowed.extend(collect.iter().flat_map(|collect| &collect.env).map(String::as_str));
    allowed.extend(own.iter().filter(|name| !name.contains('=')).map(String::as_str));
    let matches = |name: &str| {
        allowed.iter().any(|allowed| match allowed.strip_suffix('*') {
            Some(start) => name.starts_with(start),
            None => name == *allowed,
        })
    };
    let set: Vec<(OsString, OsString)> =
        own.iter().filter_map(|entry| entry.split_once('=')).map(|(name, value)| (name.into(), value.into())).collect();
    let passed = std::env::vars_os().filter(|(name, _)| name.to_str().is_some_and(&matches) && !set.iter().any(|(there, _)| there == name));
    passed.chain(set.iter().cloned()).collect()
}
