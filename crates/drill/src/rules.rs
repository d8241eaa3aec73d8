//! Which questions are hit, and by what.

use dns::message::Question;
use dns::{Name, Pattern, Rtype};
use fault::{Answer, Misread, OnWire, Span};

/// Names whose first label is this are Steadfast's own: the fence of every zone (D2).
const OWN: &[u8] = b"_steadfast";

/// The faults of a drill, and the names that it leaves alone.
#[derive(Debug, Clone)]
pub struct Drill {
    rules: Vec<Rule>,
    spared: Vec<Pattern>,
}

#[derive(Debug, Clone)]
struct Rule {
    fault: OnWire,
    names: Option<Pattern>,
    types: Vec<Rtype>,
}

impl Drill {
    /// A drill of these faults. Questions for the spared names are never hit, nor those for
    /// Steadfast's own.
    ///
    /// # Errors
    /// A pattern or a type that cannot be read; no fault; a wrong address for a type without one.
    pub fn new(faults: &[OnWire], spared: &[String]) -> Result<Drill, Misread> {
        if faults.is_empty() {
            return Err(Misread::new(
                "no fault",
                "write one: nodata name=**.example.com for=10m",
            ));
        }
        let rules = faults.iter().map(Rule::new).collect::<Result<_, _>>()?;
        let spared = spared.iter().map(|text| pattern("spare", text));
        Ok(Drill {
            rules,
            spared: spared.collect::<Result<_, _>>()?,
        })
    }

    /// The faults, in their order.
    pub fn faults(&self) -> impl Iterator<Item = &OnWire> {
        self.rules.iter().map(|rule| &rule.fault)
    }

    /// Which fault a question is about, first come, first served: those that last still, and those
    /// whose share it falls into. `draw` gives a number below 1,000,000, each as likely as the
    /// others, anew each time. `about` is told the number of each fault that the question is about.
    pub fn hit(
        &self,
        question: &Question,
        elapsed: Span,
        mut draw: impl FnMut() -> u32,
        mut about: impl FnMut(usize),
    ) -> Option<usize> {
        if question.class != 1 || self.spares(&question.name) {
            return None;
        }
        let mut rules = self.rules.iter().enumerate();
        let hit = rules.find(|(number, rule)| {
            let mine = rule.is_about(question) && rule.fault.is_on(elapsed);
            if mine {
                about(*number);
            }
            mine && rule.fault.hits(elapsed, draw())
        });
        hit.map(|(number, _)| number)
    }

    fn spares(&self, name: &Name) -> bool {
        let own = name.labels().first().is_some_and(|label| label == OWN);
        own || self.spared.iter().any(|pattern| pattern.matches(name))
    }
}

impl Rule {
    fn new(fault: &OnWire) -> Result<Rule, Misread> {
        let names = fault.name.as_deref().map(|text| pattern("name", text));
        let mut types = Vec::new();
        for word in &fault.types {
            let odd = |_| {
                let message = format!("type: no type is called `{word}`");
                Misread::new(
                    message,
                    "write a type's name, or TYPE and its number: A, TYPE65",
                )
            };
            types.push(word.parse::<Rtype>().map_err(odd)?);
        }
        if let Answer::WrongAddress(to) = fault.answer {
            let fits = if to.is_ipv4() { Rtype::A } else { Rtype::AAAA };
            if !types.is_empty() && !types.contains(&fits) {
                let message = format!("type: {to} is no answer to {}", fault.types.join(","));
                return Err(Misread::new(
                    message,
                    format!("write type={fits}, or leave it out"),
                ));
            }
            types = vec![fits];
        }
        Ok(Rule {
            fault: fault.clone(),
            names: names.transpose()?,
            types,
        })
    }

    fn is_about(&self, question: &Question) -> bool {
        let named = self
            .names
            .as_ref()
            .is_none_or(|p| p.matches(&question.name));
        named && (self.types.is_empty() || self.types.contains(&question.rtype))
    }
}

fn pattern(field: &str, text: &str) -> Result<Pattern, Misread> {
    Pattern::parse(text, &Name::root()).map_err(|error| {
        let help = "write a name, or a pattern: `*` is one label, `**` any number: **.example.com";
        Misread::new(format!("{field}: `{text}`: {error}"), help)
    })
}
