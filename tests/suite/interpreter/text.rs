//! LIKE, and addresses in networks.

use std::net::IpAddr;

use super::value::{Truth, or};

/// `%` is any run of bytes, everything else stands for itself.
pub fn like(text: &[u8], pattern: &[u8]) -> bool {
    match pattern.split_first() {
        None => text.is_empty(),
        Some((b'%', rest)) => (0..=text.len()).any(|from| like(&text[from..], rest)),
        Some((first, rest)) => text.split_first().is_some_and(|(byte, text)| byte == first && like(text, rest)),
    }
}

/// Family and bits of an address; IPv4 within IPv6 is its IPv4.
fn bits(address: IpAddr) -> (u32, u128) {
    match address.to_canonical() {
        IpAddr::V4(v4) => (32, u128::from(v4.to_bits())),
        IpAddr::V6(v6) => (128, v6.to_bits()),
    }
}

/// Whether a block holds an address; `None`: it is no block.
fn holds(block: &str, (family, address): (u32, u128)) -> Truth {
    let (base, length) = block.split_once('/').map_or((block, None), |(base, length)| (base, Some(length)));
    let base: IpAddr = base.parse().ok()?;
    let whole = if base.is_ipv4() { 32 } else { 128 };
    let length = match length {
        None => whole,
        Some(digits) if digits.bytes().all(|b| b.is_ascii_digit()) => digits.parse::<u32>().ok().filter(|length| *length <= whole)?,
        Some(_) => return None,
    };
    let (of, base) = bits(base);
    // A mapped block is the IPv4 block of its last 32 bits.
    let length = if whole == 128 && of == 32 { length.checked_sub(96)? } else { length };
    Some(of == family && (length == 0 || (base ^ address) >> (of - length) == 0))
}

pub fn in_network(address: &str, blocks: &[Option<String>]) -> Truth {
    let address = bits(address.parse().ok()?);
    or(blocks.iter().map(|block| holds(block.as_deref()?, address)))
}
