//! Whether an address lies in a CIDR block.

use std::net::IpAddr;

/// Whether the block contains the address; `None` if the text is no block. A bare address is a block of one.
#[must_use]
pub fn contains(block: &str, address: IpAddr) -> Option<bool> {
    let (base, length) = match block.split_once('/') {
        Some((base, length)) => (base, Some(length.parse::<u32>().ok()?)),
        None => (block, None),
    };
    let written: IpAddr = base.parse().ok()?;
    let (base, shift) = match (written, written.to_canonical()) {
        // `::ffff:10.0.0.0/104` is `10.0.0.0/8`.
        (IpAddr::V6(_), canonical @ IpAddr::V4(_)) => (canonical, 96),
        (_, canonical) => (canonical, 0),
    };
    let width = if base.is_ipv4() { 32 } else { 128 };
    let length = match length {
        Some(length) => length.checked_sub(shift)?,
        None => width,
    };
    if length > width {
        return None;
    }
    let bits = |address: IpAddr| match address {
        IpAddr::V4(v4) => u128::from(v4.to_bits()) << 96,
        IpAddr::V6(v6) => v6.to_bits(),
    };
    let address = address.to_canonical();
    let same = length == 0 || (bits(base) ^ bits(address)) >> (128 - length) == 0;
    Some(base.is_ipv4() == address.is_ipv4() && same)
}

#[cfg(test)]
mod tests {
    use super::contains;

    #[test]
    fn blocks() {
        for (block, address, expected) in [
            ("10.0.0.0/8", "10.1.2.3", Some(true)),
            ("10.0.0.0/8", "11.1.2.3", Some(false)),
            ("10.1.2.3", "10.1.2.3", Some(true)),
            ("0.0.0.0/0", "8.8.8.8", Some(true)),
            ("0.0.0.0/0", "::1", Some(false)),
            ("2001:db8::/32", "2001:db8::1", Some(true)),
            ("::ffff:10.0.0.0/104", "10.9.9.9", Some(true)),
            ("10.0.0.0/33", "10.0.0.1", None),
            ("office", "10.0.0.1", None),
        ] {
            assert_eq!(contains(block, address.parse().unwrap()), expected, "{block} {address}");
        }
    }
}
