//! How health generations are written into a snapshot: the first whole, each later one by what differs
//! from the one before. Sixty generations of ten thousand endpoints are otherwise sixty times the same.

use super::health::differing;
use crate::health::Outs;
use dns::Name;
use serde::de::{Error, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;

type Generations = BTreeMap<u64, Arc<Outs>>;

/// A generation, and what it says otherwise than the one before; of the first, all that it says.
#[derive(Serialize, Deserialize)]
struct Layer(u64, BTreeMap<Name, BTreeSet<IpAddr>>);

pub(super) fn serialize<S: Serializer>(of: &Generations, to: S) -> Result<S::Ok, S::Error> {
    let nothing = Outs::new();
    let mut before = &nothing;
    to.collect_seq(of.iter().map(|(generation, outs)| {
        let says = |name: &Name| (name.clone(), outs.get(name).cloned().unwrap_or_default());
        let layer = Layer(*generation, differing(before, outs).map(says).collect());
        before = outs;
        layer
    }))
}

pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Generations, D::Error> {
    from.deserialize_any(Layers)
}

struct Layers;

impl<'de> Visitor<'de> for Layers {
    type Value = Generations;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("health generations, each by what differs from the one before")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Generations, A::Error> {
        let (mut generations, mut outs, mut last) = (Generations::new(), Outs::new(), None);
        while let Some(Layer(generation, says)) = seq.next_element()? {
            if last.is_some_and(|last| last >= generation) {
                let message = format!("generation {generation} does not follow the one before");
                return Err(A::Error::custom(message));
            }
            last = Some(generation);
            outs.extend(says);
            outs.retain(|_, out| !out.is_empty());
            generations.insert(generation, Arc::new(outs.clone()));
        }
        Ok(generations)
    }

    /// As it was written before: every generation whole.
    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Generations, A::Error> {
        let mut generations = Generations::new();
        while let Some((generation, outs)) = map.next_entry()? {
            generations.insert(generation, Arc::new(outs));
        }
        Ok(generations)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[derive(Serialize, Deserialize, PartialEq, Debug)]
    struct Held(#[serde(with = "super")] Generations);

    fn generations() -> impl Strategy<Value = Generations> {
        let name = (0..6u8).prop_map(|n| Name::absolute(&format!("e{n}.example.com")).unwrap());
        let address = (0..4u8).prop_map(|n| IpAddr::from([192, 0, 2, n]));
        let out = prop::collection::btree_set(address, 1..4);
        let outs = prop::collection::btree_map(name, out, 0..6).prop_map(Arc::new);
        prop::collection::btree_map(0..40u64, outs, 0..8)
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(generations in generations()) {
            let text = serde_json::to_string(&Held(generations.clone())).unwrap();
            prop_assert_eq!(serde_json::from_str::<Held>(&text).unwrap().0, generations.clone());
            // As it was written before.
            let text = serde_json::to_string(&generations).unwrap();
            prop_assert_eq!(serde_json::from_str::<Held>(&text).unwrap().0, generations);
        }
    }

    #[test]
    fn what_is_like_the_one_before_takes_no_room() {
        let name = |n: u32| Name::absolute(&format!("e{n}.example.com")).unwrap();
        let out: BTreeSet<IpAddr> = [IpAddr::from([192, 0, 2, 1])].into();
        let outs: Outs = (0..1000).map(|n| (name(n), out.clone())).collect();
        let one = Held([(1, Arc::new(outs.clone()))].into());
        let many = Held((1..=60).map(|n| (n, Arc::new(outs.clone()))).collect());
        let len = |held: &Held| serde_json::to_string(held).unwrap().len();
        assert!(len(&many) < len(&one) + 60 * 10);
    }

    #[test]
    fn generations_only_grow() {
        assert!(serde_json::from_str::<Held>("[[2,{}],[2,{}]]").is_err());
    }
}
