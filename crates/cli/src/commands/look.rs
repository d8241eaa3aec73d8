//! What commands share that only look: the store without its lock, no network.

use super::words;
use crate::args::Cli;
use crate::exit::{Exit, Fail};
use crate::site::Site;
use cell::enactor::open_book;
use cell::store::Store;
use dns::Name;
use steadfast_core::book::Book;

/// Config and store, for looking only.
pub struct Look {
    /// The config.
    pub site: Site,
    /// The store; `None`: there is none yet.
    pub store: Option<Store>,
}

impl Look {
    /// Opens both. Nothing is made, locked or asked.
    ///
    /// # Errors
    /// No config, a bad one, a store that can't be read.
    pub fn open(cli: &Cli) -> Result<Look, Fail> {
        let site = Site::open(cli)?;
        let store = site.store_to_look()?;
        Ok(Look { site, store })
    }

    /// Zones that the config has or the store knows, as people type them; only `one`, if it is
    /// named.
    ///
    /// # Errors
    /// An unknown zone; a store that can't be read.
    pub fn zones(&self, one: Option<&str>) -> Result<Vec<String>, Fail> {
        let stored = match &self.store {
            Some(store) => store.zones().map_err(Fail::store)?,
            None => Vec::new(),
        };
        let stored = stored.iter().filter_map(|z| Name::absolute(z).ok());
        let stored: Vec<String> = stored.map(|z| words::name(&z)).collect();
        if let Some(one) = one {
            let plain = crate::config::names::canonical(one).unwrap_or_else(|_| one.to_owned());
            if stored.contains(&plain) {
                return Ok(vec![plain]);
            }
            return Ok(vec![self.site.zone_config(one)?.name.clone()]);
        }
        let mut all: Vec<String> = self.site.config().zones.keys().cloned().collect();
        all.extend(stored);
        all.sort();
        all.dedup();
        Ok(all)
    }

    /// The one zone meant, where none is named.
    ///
    /// # Errors
    /// Several zones; see [`Look::zones`].
    pub fn zone(&self, named: Option<&str>) -> Result<String, Fail> {
        let mut zones = self.zones(named)?;
        match (zones.pop(), zones.is_empty()) {
            (Some(zone), true) => Ok(zone),
            (Some(last), false) => {
                zones.push(last);
                let help = format!("it is one of {}", zones.join(", "));
                Err(Fail::new(Exit::Usage, "which-zone", "say which zone", help))
            }
            (None, _) => Err(Fail::new(
                Exit::Usage,
                "no-zones",
                "there is no zone to look after",
                "describe one under [zone.\"NAME\"], then `steadfast adopt NAME`",
            )),
        }
    }

    /// The store; it must be there.
    ///
    /// # Errors
    /// There is none.
    pub fn store(&self, zone: &str) -> Result<&Store, Fail> {
        self.store.as_ref().ok_or_else(|| none_yet(zone))
    }

    /// A zone's ledger.
    ///
    /// # Errors
    /// No store, no ledger in it, or one that can't be read.
    pub fn book(&self, zone: &str) -> Result<Book, Fail> {
        let book = open_book(self.store(zone)?, &key(zone)?).map_err(Fail::store)?;
        if book.state().last == 0 {
            return Err(none_yet(zone));
        }
        Ok(book)
    }
}

/// A zone's name as the store has it.
///
/// # Errors
/// What is no name.
pub fn key(zone: &str) -> Result<String, Fail> {
    let name = Name::absolute(zone)
        .map_err(|e| Fail::new(Exit::Usage, "bad-name", format!("{zone:?}: {e}"), ""))?;
    Ok(name.to_string())
}

fn none_yet(zone: &str) -> Fail {
    Fail::new(
        Exit::Error,
        "not-adopted",
        format!("{zone} is not adopted yet: there is no ledger of it"),
        format!("`steadfast adopt {zone}` takes it over without changing an answer"),
    )
}
