use std::collections::HashMap;
use std::str::FromStr;

use crate::{Error, Result};

/// The longest value that an error quotes, in characters.
const QUOTED: usize = 64;

/// Where settings are read from: the process's environment, or a map that stands for it.
#[derive(Clone)]
pub(crate) enum Env {
    Process,
    Map(HashMap<String, String>),
}

impl Env {
    /// The value of a variable. An empty one counts as unset, as the OpenTelemetry specification
    /// asks.
    pub(crate) fn get(&self, name: &str) -> Result<Option<String>> {
        let value = match self {
            Env::Map(map) => map.get(name).cloned(),
            Env::Process => match std::env::var(name) {
                Ok(value) => Some(value),
                Err(std::env::VarError::NotPresent) => None,
                Err(std::env::VarError::NotUnicode(_)) => {
                    return Err(Error::invalid(format!("{name} is not UTF-8: set it to text")));
                }
            },
        };
        Ok(value.map(|value| value.trim().to_owned()).filter(|value| !value.is_empty()))
    }

    /// The names of all variables that begin so. One that is not UTF-8 is no variable of ours.
    pub(crate) fn names(&self, prefix: &str) -> Vec<String> {
        let names: Vec<String> = match self {
            Env::Map(map) => map.keys().cloned().collect(),
            Env::Process => {
                std::env::vars_os().filter_map(|(name, _)| name.into_string().ok()).collect()
            }
        };
        names.into_iter().filter(|name| name.starts_with(prefix)).collect()
    }

    /// The first of `names` that is set, with its name.
    pub(crate) fn first<'a>(&self, names: &[&'a str]) -> Result<Option<(&'a str, String)>> {
        for name in names {
            if let Some(value) = self.get(name)? {
                return Ok(Some((name, value)));
            }
        }
        Ok(None)
    }

    /// A variable of a type whose text is no secret; `accepts` says what may stand there.
    pub(crate) fn parse<T: FromStr>(&self, name: &str, accepts: &str) -> Result<Option<T>> {
        self.get(name)?
            .map(|value| value.parse().map_err(|_| rejected(name, &value, accepts)))
            .transpose()
    }

    /// A boolean by the rule of the OpenTelemetry specification: only `true`, in any case, is true.
    pub(crate) fn is_true(&self, name: &str) -> Result<bool> {
        let Some(value) = self.get(name)? else { return Ok(false) };
        match value.to_ascii_lowercase().as_str() {
            "true" => Ok(true),
            "false" => Ok(false),
            _ => Err(rejected(name, &value, "true or false")),
        }
    }
}

/// The error for a value that is no secret.
pub(crate) fn rejected(name: &str, value: &str, accepts: &str) -> Error {
    let quoted: String = value.chars().take(QUOTED).collect();
    Error::invalid(format!("{name}={quoted:?} is not accepted: give {accepts}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn env(name: &str, value: &str) -> Env {
        Env::Map(HashMap::from([(name.to_owned(), value.to_owned())]))
    }

    #[test]
    fn an_empty_value_is_unset() {
        assert_eq!(env("A", "  ").get("A").unwrap(), None);
    }

    #[test]
    fn a_bad_value_is_named_and_cut() {
        let error = env("A", &"x".repeat(1000)).parse::<u32>("A", "a number").unwrap_err();

        let shown = error.to_string();
        assert!(shown.starts_with("A=\"xxx"), "{shown}");
        assert!(shown.ends_with("give a number") && shown.len() < 120, "{shown}");
    }
}
