//! Finds the named network of an address. The longest prefix wins.

use std::cmp::Reverse;
use std::net::IpAddr;

use ipnetwork::{IpNetwork, Ipv4Network};

use super::error::{PolicyError, Problem};

/// The most address ranges in one policy set: 10,000.
pub const MAX_RANGES: usize = 10_000;

/// The index of a network in its policy set; zero stands for none.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Default)]
pub(crate) struct NetworkIx(pub(crate) u16);

/// Address ranges flattened into disjoint intervals, so that a look-up is one
/// binary search even when ranges nest.
#[derive(Clone, Debug, Default)]
pub(crate) struct Ranges {
    v4: Vec<(u32, NetworkIx)>,
    v6: Vec<(u128, NetworkIx)>,
}

/// First and last address of a range, and its network. Of two ranges with the
/// same start, the outer one sorts first.
type Range = (u128, Reverse<u128>, NetworkIx);

impl Ranges {
    pub(crate) fn new(ranges: &[(IpNetwork, NetworkIx)]) -> Self {
        let (mut v4, mut v6) = (Vec::new(), Vec::new());
        for (range, ix) in ranges {
            let family = if range.is_ipv4() { &mut v4 } else { &mut v6 };
            family.push(bounds(*range, *ix));
        }
        let narrow = |(start, ix)| Some((u32::try_from(start).ok()?, ix));
        Self {
            v4: flatten(v4).into_iter().filter_map(narrow).collect(),
            v6: flatten(v6),
        }
    }

    /// IPv4-mapped IPv6 counts as IPv4.
    pub(crate) fn find(&self, address: IpAddr) -> NetworkIx {
        match address.to_canonical() {
            IpAddr::V4(v4) => find(&self.v4, u32::from(v4)),
            IpAddr::V6(v6) => find(&self.v6, u128::from(v6)),
        }
    }
}

fn find<A: Ord + Copy>(intervals: &[(A, NetworkIx)], address: A) -> NetworkIx {
    let after = intervals.partition_point(|(start, _)| *start <= address);
    match after.checked_sub(1) {
        Some(ix) => intervals[ix].1,
        None => NetworkIx::default(),
    }
}

fn bounds(range: IpNetwork, ix: NetworkIx) -> Range {
    let number = |address| match address {
        IpAddr::V4(v4) => u128::from(u32::from(v4)),
        IpAddr::V6(v6) => u128::from(v6),
    };
    let (first, last) = (number(range.network()), number(range.broadcast()));
    (first, Reverse(last), ix)
}

/// Turns nested ranges into the points where the innermost one changes.
fn flatten(mut ranges: Vec<Range>) -> Vec<(u128, NetworkIx)> {
    let mut points: Vec<(u128, NetworkIx)> = Vec::new();
    let mut open: Vec<Range> = Vec::new();
    ranges.sort_unstable();
    for range in ranges {
        close_before(&mut open, &mut points, Some(range.0));
        push(&mut points, range.0, range.2);
        open.push(range);
    }
    close_before(&mut open, &mut points, None);
    points
}

/// Closes the open ranges that end before `start`; all of them without one.
fn close_before(open: &mut Vec<Range>, points: &mut Vec<(u128, NetworkIx)>, start: Option<u128>) {
    while let Some(&(_, Reverse(last), _)) = open.last() {
        if start.is_some_and(|start| last >= start) {
            return;
        }
        open.pop();
        let outer = open.last().map_or(NetworkIx::default(), |(_, _, ix)| *ix);
        if let Some(after) = last.checked_add(1) {
            push(points, after, outer);
        }
    }
}

fn push(points: &mut Vec<(u128, NetworkIx)>, at: u128, ix: NetworkIx) {
    match points.last_mut() {
        Some(last) if last.0 == at => last.1 = ix,
        _ => points.push((at, ix)),
    }
}

/// Reads an address range. Host bits are an error.
pub(crate) fn parse_range(
    table: &str,
    key: &'static str,
    text: &str,
) -> Result<IpNetwork, PolicyError> {
    let error = |problem| PolicyError::new(table, key, problem);
    let bad = || error(Problem::BadCidr(text.to_owned()));
    let range: IpNetwork = text.parse().map_err(|_| bad())?;
    let meant = canonical(range).ok_or_else(bad)?;
    if meant == range && range.network() == range.ip() {
        return Ok(range);
    }
    Err(error(Problem::HostBits {
        given: text.to_owned(),
        meant: meant.to_string(),
    }))
}

/// Returns the range without host bits, and IPv4-mapped ranges as IPv4.
fn canonical(range: IpNetwork) -> Option<IpNetwork> {
    let network = match range.network() {
        IpAddr::V6(v6) if range.prefix() >= 96 => v6.to_ipv4_mapped(),
        IpAddr::V4(_) | IpAddr::V6(_) => None,
    };
    match network {
        Some(v4) => Ipv4Network::new(v4, range.prefix() - 96)
            .ok()
            .map(IpNetwork::V4),
        None => IpNetwork::new(range.network(), range.prefix()).ok(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn ranges(list: &[(&str, u16)]) -> Ranges {
        let parsed: Vec<_> = list
            .iter()
            .map(|(text, ix)| (text.parse().unwrap(), NetworkIx(*ix)))
            .collect();
        Ranges::new(&parsed)
    }

    fn look(ranges: &Ranges, address: &str) -> u16 {
        ranges.find(address.parse().unwrap()).0
    }

    #[test]
    fn l07_longest_prefix_wins() {
        let r = ranges(&[
            ("10.0.0.0/8", 1),
            ("10.20.0.0/16", 2),
            ("10.20.30.40/32", 3),
            ("0.0.0.0/0", 4),
            ("2001:db8::/32", 5),
            ("2001:db8:7::/48", 6),
        ]);
        assert_eq!(look(&r, "10.20.30.40"), 3);
        assert_eq!(look(&r, "10.20.30.41"), 2);
        assert_eq!(look(&r, "10.21.0.0"), 1);
        assert_eq!(look(&r, "9.255.255.255"), 4);
        assert_eq!(look(&r, "255.255.255.255"), 4);
        assert_eq!(look(&r, "2001:db8:7::1"), 6);
        assert_eq!(look(&r, "2001:db8:8::1"), 5);
        assert_eq!(look(&r, "2001:db9::"), 0);
        assert_eq!(look(&r, "::1"), 0);
    }

    #[test]
    fn n32_mapped_ipv4_address_counts_as_ipv4() {
        let r = ranges(&[("10.20.0.0/16", 2)]);
        assert_eq!(look(&r, "::ffff:10.20.1.1"), 2);
        assert_eq!(look(&r, "::10.20.1.1"), 0);
    }

    #[test]
    fn n53_host_bits_are_refused_with_correction() {
        let message = |text| {
            parse_range("network x", "cidr", text)
                .unwrap_err()
                .to_string()
        };
        assert!(message("10.0.0.7/8").contains("write 10.0.0.0/8"));
        assert!(message("2001:db8::1/32").contains("write 2001:db8::/32"));
        assert!(message("::ffff:10.0.0.0/104").contains("write 10.0.0.0/8"));
        assert!(message("10.0.0.0/33").contains("not an address range"));
        assert!(message("office").contains("not an address range"));
        assert!(parse_range("network x", "cidr", "10.0.0.0/8").is_ok());
        assert!(parse_range("network x", "cidr", "10.0.0.7").is_ok());
    }

    proptest! {
        #[test]
        fn lookup_agrees_with_linear_scan(
            list in prop::collection::vec((any::<u32>(), 0u8..=32), 0..40),
            probes in prop::collection::vec(any::<u32>(), 20),
        ) {
            let list: Vec<(IpNetwork, NetworkIx)> = list
                .iter()
                .enumerate()
                .map(|(i, (address, prefix))| {
                    let net = Ipv4Network::new((*address).into(), *prefix).unwrap();
                    let net = Ipv4Network::new(net.network(), *prefix).unwrap();
                    (IpNetwork::V4(net), NetworkIx(u16::try_from(i).unwrap() + 1))
                })
                .collect();
            let flat = Ranges::new(&list);
            let edges = list.iter().flat_map(|(net, _)| [net.network(), net.broadcast()]);
            let probes = probes.into_iter().map(|p| IpAddr::V4(p.into())).chain(edges);
            for probe in probes {
                let best = list
                    .iter()
                    .filter(|(net, _)| net.contains(probe))
                    .max_by_key(|(net, _)| net.prefix());
                let found = flat.find(probe);
                match best {
                    None => prop_assert_eq!(found, NetworkIx(0)),
                    Some((net, _)) => {
                        let hit = list[usize::from(found.0) - 1].0;
                        prop_assert_eq!(hit, *net);
                    }
                }
            }
        }
    }
}
