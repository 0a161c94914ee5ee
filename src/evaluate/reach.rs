//! Which systems could see a credential, or an identity, being used: whose logs must be complete before "it was not
//! used" is known (SEMANTICS §2.5, §4.4).

use arrow_array::{Array, ListArray, StringArray};

use super::alike::plain;
use super::codes::Codes;
use super::world::{World, key_text};
use crate::model::schema;
use crate::model::value::State;

/// For every credential and identity: a closed set of systems, or open (no bound is known).
#[derive(Debug)]
pub struct Reach {
    pub systems: Vec<String>,
    /// For each system, the first that is written alike but for capitals and white space: what one log calls `AWS:1` may be `aws:1`.
    pub same: Vec<u32>,
    pub credential: Vec<Option<Vec<u32>>>,
    pub identity: Vec<Option<Vec<u32>>>,
    /// Why every identity's reach is open, if it is.
    pub identity_open: Option<String>,
}

impl Reach {
    #[must_use]
    pub fn new(world: &World) -> Reach {
        let systems: Vec<String> = world.evidence.systems.clone();
        let code = |text: &str| systems.binary_search_by(|known| known.as_str().cmp(text)).ok().and_then(|at| u32::try_from(at).ok());
        let (Some(credentials), Some(identities)) = (schema::table("credential"), schema::table("identity")) else {
            return Reach { systems, same: Vec::new(), credential: Vec::new(), identity: Vec::new(), identity_open: None };
        };
        let table = world.table(credentials);
        let accepted_at = table.schema.column("accepted_at").unwrap_or(0);
        let owner = table.schema.column("identity").unwrap_or(0);
        let lists = table.columns[accepted_at].values.as_any().downcast_ref::<ListArray>();
        let credential: Vec<Option<Vec<u32>>> = (0..table.rows)
            .map(|row| match world.state(credentials, accepted_at, row) {
                State::None => Some(Vec::new()),
                State::Known => {
                    let members = lists?.value(row);
                    let texts = members.as_any().downcast_ref::<StringArray>()?;
                    // A member that is unknown, or a system that no table names, leaves the set open.
                    texts.iter().map(|text| text.and_then(code)).collect()
                }
                _ => None,
            })
            .collect();

        let mut identity_open = None;
        if !table.is_complete(world.fresh_only) {
            identity_open = Some("the credential table is not known to be complete".to_owned());
        }
        let people = world.table(identities);
        let system = people.schema.column("system").unwrap_or(0);
        let mut identity: Vec<Option<Vec<u32>>> = (0..people.rows)
            .map(|row| match world.state(identities, system, row) {
                State::Known => key_text(&people.columns[system], row).and_then(code).map(|own| vec![own]),
                _ => None,
            })
            .collect();
        let links = table.columns[owner].link.as_ref();
        for row in 0..table.rows {
            match world.state(credentials, owner, row) {
                State::None => {}
                State::Known => {
                    let Some(links) = links.filter(|links| links.is_valid(row)) else { continue };
                    let own = &mut identity[links.value(row) as usize];
                    match (own.as_mut(), &credential[row]) {
                        (Some(set), Some(more)) => set.extend(more),
                        _ => *own = None,
                    }
                }
                _ => identity_open = Some("a credential whose identity is not known may be this identity's".to_owned()),
            }
        }
        if identity_open.is_some() {
            identity.fill(None);
        }
        for set in identity.iter_mut().flatten() {
            set.sort_unstable();
            set.dedup();
        }
        let mut first = Codes::default();
        let mut firsts: Vec<u32> = Vec::new();
        let same = (0..)
            .zip(&systems)
            .map(|(at, system)| {
                let code = first.of(plain(system)) as usize;
                if code == firsts.len() {
                    firsts.push(at);
                }
                firsts[code]
            })
            .collect();
        Reach { systems, same, credential, identity, identity_open }
    }
}
