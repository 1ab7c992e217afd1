//! Case files: JSON with cases, read so that what is wrong is named with its place.

use std::fmt;
use std::path::{Path, PathBuf};

use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::verify::judge::Grade;

/// A file of cases.
#[derive(Debug)]
pub struct CaseFile {
    /// File name without folder.
    pub name: String,
    /// Where it was read.
    pub path: PathBuf,
    /// The whole document.
    pub root: Value,
    /// `cases` (or `instances`) of the document; empty when it has no such list, which some kinds do without.
    pub cases: Vec<Case>,
    /// Only cases whose id or group contains this are wanted.
    pub filter: Option<String>,
}

/// One case.
#[derive(Clone, Debug)]
pub struct Case {
    /// `id`, else `name`, else its position.
    pub id: String,
    /// `group`, else empty.
    pub group: String,
    /// `grade`, if it carries one.
    pub grade: Option<Grade>,
    /// Such as `queueing_exact.json: cases[3] (q.mmc.c1.r0.5)`.
    pub place: String,
    /// The case.
    pub value: Value,
}

/// Why a case file cannot be used.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("{place}: {message}")]
pub struct Malformed {
    /// File, case and field.
    pub place: String,
    /// What was found and what was expected.
    pub message: String,
}

/// Reads a whole file as text.
///
/// # Errors
/// It cannot be read, or is no UTF-8.
pub fn read_text(path: &Path) -> Result<String, Malformed> {
    std::fs::read_to_string(path).map_err(|error| Malformed {
        place: path.display().to_string(),
        message: error.to_string(),
    })
}

impl CaseFile {
    /// Reads a file.
    ///
    /// # Errors
    /// Unreadable, no JSON (line and column are named), no object, or cases without proper id or grade.
    pub fn read(path: &Path) -> Result<Self, Vec<Malformed>> {
        let text = read_text(path).map_err(|error| vec![error])?;
        Self::parse(path, &text)
    }

    /// Parses the text of a file at `path`.
    ///
    /// # Errors
    /// As [`CaseFile::read`].
    pub fn parse(path: &Path, text: &str) -> Result<Self, Vec<Malformed>> {
        let name = path
            .file_name()
            .map(|name| name.to_string_lossy().into_owned())
            .unwrap_or_default();
        let root: Value = serde_json::from_str(text).map_err(|error| {
            vec![Malformed {
                place: name.clone(),
                message: format!("no JSON: {error}"),
            }]
        })?;
        if !root.is_object() {
            let whole = Field {
                value: &root,
                place: name,
            };
            return Err(vec![whole.wrong("an object with `cases`")]);
        }
        let (mut cases, mut problems) = (Vec::new(), Vec::new());
        let list = ["cases", "instances"]
            .into_iter()
            .find(|key| root.get(key).is_some());
        if let Some(key) = list {
            let whole = Field {
                value: &root,
                place: name.clone(),
            };
            match whole.at(key).and_then(|list| list.items()) {
                Err(error) => problems.push(error),
                Ok(items) => {
                    for (index, item) in items.iter().enumerate() {
                        match case(item, index) {
                            Ok(case) => cases.push(case),
                            Err(error) => problems.push(error),
                        }
                    }
                }
            }
        }
        if problems.is_empty() {
            Ok(Self {
                name,
                path: path.to_owned(),
                root,
                cases,
                filter: None,
            })
        } else {
            Err(problems)
        }
    }

    /// Keeps only cases whose id or group contains the text.
    #[must_use]
    pub fn filtered(mut self, text: Option<&str>) -> Self {
        self.filter = text.map(str::to_owned);
        self.cases.retain(|case| {
            text.is_none_or(|text| case.id.contains(text) || case.group.contains(text))
        });
        self
    }

    /// The document as a field.
    #[must_use]
    pub fn field(&self) -> Field<'_> {
        Field {
            value: &self.root,
            place: self.name.clone(),
        }
    }
}

fn case(item: &Field<'_>, index: usize) -> Result<Case, Malformed> {
    let id = match item.maybe("id").or_else(|| item.maybe("name")) {
        Some(id) => id.text()?.to_owned(),
        None => index.to_string(),
    };
    let group = item
        .maybe("group")
        .map(|group| group.text().map(str::to_owned))
        .transpose()?;
    let grade = item
        .maybe("grade")
        .map(|grade| grade.read::<Grade>())
        .transpose()?;
    if !item.value.is_object() {
        return Err(item.wrong("an object"));
    }
    let place = format!("{} ({id})", item.place);
    Ok(Case {
        id,
        group: group.unwrap_or_default(),
        grade,
        place,
        value: item.value.clone(),
    })
}

impl Case {
    /// The case as a field.
    #[must_use]
    pub fn field(&self) -> Field<'_> {
        Field {
            value: &self.value,
            place: self.place.clone(),
        }
    }

    /// `input`.
    ///
    /// # Errors
    /// It has none.
    pub fn input(&self) -> Result<Field<'_>, Malformed> {
        self.field().at("input")
    }

    /// `expected`.
    ///
    /// # Errors
    /// It has none.
    pub fn expected(&self) -> Result<Field<'_>, Malformed> {
        self.field().at("expected")
    }
}

/// A value in a case file that knows its place.
#[derive(Clone, Debug)]
pub struct Field<'a> {
    /// The value.
    pub value: &'a Value,
    /// File, case and path.
    pub place: String,
}

impl<'a> Field<'a> {
    fn inner(&self, key: &str, value: &'a Value) -> Field<'a> {
        let joint = if self.place.contains(": ") { "." } else { ": " };
        let joint = if self.place.ends_with(')') {
            ": "
        } else {
            joint
        };
        Field {
            value,
            place: format!("{}{joint}{key}", self.place),
        }
    }

    /// The member `key`.
    ///
    /// # Errors
    /// No object, or it has no such member.
    pub fn at(&self, key: &str) -> Result<Field<'a>, Malformed> {
        match self.value.get(key) {
            Some(value) => Ok(self.inner(key, value)),
            None if self.value.is_object() => Err(Malformed {
                place: self.place.clone(),
                message: format!("`{key}` is missing"),
            }),
            None => Err(self.wrong(&format!("an object with `{key}`"))),
        }
    }

    /// The member `key`; absent and null are `None`.
    #[must_use]
    pub fn maybe(&self, key: &str) -> Option<Field<'a>> {
        let value = self.value.get(key).filter(|value| !value.is_null())?;
        Some(self.inner(key, value))
    }

    /// The count under `key`; absent and null are 0.
    ///
    /// # Errors
    /// Something else stands there.
    pub fn count_or_0(&self, key: &str) -> Result<u32, Malformed> {
        self.maybe(key).map_or(Ok(0), |field| field.count())
    }

    /// The whole number under `key`; absent and null are 0.
    ///
    /// # Errors
    /// Something else stands there.
    pub fn whole_or_0(&self, key: &str) -> Result<u64, Malformed> {
        self.maybe(key).map_or(Ok(0), |field| field.whole())
    }

    /// The list under `key`; absent and null are empty.
    ///
    /// # Errors
    /// Something else stands there.
    pub fn items_or_none(&self, key: &str) -> Result<Vec<Field<'a>>, Malformed> {
        self.maybe(key).map_or(Ok(Vec::new()), |list| list.items())
    }

    /// A finite number.
    ///
    /// # Errors
    /// Something else.
    pub fn number(&self) -> Result<f64, Malformed> {
        self.value.as_f64().ok_or_else(|| self.wrong("a number"))
    }

    /// A number above 0.
    ///
    /// # Errors
    /// Something else.
    pub fn positive(&self) -> Result<f64, Malformed> {
        self.value
            .as_f64()
            .filter(|value| *value > 0.0)
            .ok_or_else(|| self.wrong("a number above 0"))
    }

    /// A whole number, 0 or more.
    ///
    /// # Errors
    /// Something else.
    pub fn whole(&self) -> Result<u64, Malformed> {
        self.value
            .as_u64()
            .ok_or_else(|| self.wrong("a whole number"))
    }

    /// A whole number that fits 32 bits.
    ///
    /// # Errors
    /// Something else.
    pub fn count(&self) -> Result<u32, Malformed> {
        u32::try_from(self.whole()?).map_err(|_| self.wrong("a whole number below 2^32"))
    }

    /// Text.
    ///
    /// # Errors
    /// Something else.
    pub fn text(&self) -> Result<&'a str, Malformed> {
        self.value.as_str().ok_or_else(|| self.wrong("text"))
    }

    /// `true` or `false`.
    ///
    /// # Errors
    /// Something else.
    pub fn truth(&self) -> Result<bool, Malformed> {
        self.value
            .as_bool()
            .ok_or_else(|| self.wrong("true or false"))
    }

    /// The items of a list.
    ///
    /// # Errors
    /// No list.
    pub fn items(&self) -> Result<Vec<Field<'a>>, Malformed> {
        let list = self.value.as_array().ok_or_else(|| self.wrong("a list"))?;
        let item = |(index, value)| {
            let joint = if self.place.ends_with(')') { ": " } else { "" };
            Field {
                value,
                place: format!("{}{joint}[{index}]", self.place),
            }
        };
        Ok(list.iter().enumerate().map(item).collect())
    }

    /// A list of numbers.
    ///
    /// # Errors
    /// Something else.
    pub fn numbers(&self) -> Result<Vec<f64>, Malformed> {
        self.items()?.iter().map(Field::number).collect()
    }

    /// The members of an object, in the order written.
    ///
    /// # Errors
    /// No object.
    pub fn members(&self) -> Result<Vec<(&'a str, Field<'a>)>, Malformed> {
        let members = self
            .value
            .as_object()
            .ok_or_else(|| self.wrong("an object"))?;
        Ok(members
            .iter()
            .map(|(key, value)| (key.as_str(), self.inner(key, value)))
            .collect())
    }

    /// The value as a type that serde reads.
    ///
    /// # Errors
    /// It does not fit, in serde's words.
    pub fn read<T: DeserializeOwned>(&self) -> Result<T, Malformed> {
        serde_json::from_value(self.value.clone()).map_err(|error| Malformed {
            place: self.place.clone(),
            message: error.to_string(),
        })
    }

    /// That something else was expected here.
    #[must_use]
    pub fn wrong(&self, expected: &str) -> Malformed {
        let text = self.value.to_string();
        let mut found: String = text.chars().take(60).collect();
        if found.len() < text.len() {
            found.push('…');
        }
        Malformed {
            place: self.place.clone(),
            message: format!("found {found}, expected {expected}"),
        }
    }
}

impl fmt::Display for Field<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} = {}", self.place, self.value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<CaseFile, String> {
        CaseFile::parse(Path::new("folder/some.json"), text)
            .map_err(|problems| problems.iter().map(|one| format!("{one}\n")).collect())
    }

    #[test]
    fn what_is_wrong_is_named_with_its_place() {
        assert!(
            parse("{\n  \"cases\": [}")
                .unwrap_err()
                .contains("some.json: no JSON: expected value at line 2 column 13")
        );
        assert_eq!(
            parse("[]").unwrap_err(),
            "some.json: found [], expected an object with `cases`\n"
        );
        assert_eq!(
            parse("{\"cases\": 3}").unwrap_err(),
            "some.json: cases: found 3, expected a list\n"
        );
        let two = parse(r#"{"cases": [{"id": 7}, {"id": "a", "grade": "most"}]}"#).unwrap_err();
        assert!(
            two.contains("some.json: cases[0].id: found 7, expected text"),
            "{two}"
        );
        assert!(
            two.contains("some.json: cases[1].grade: unknown variant `most`"),
            "{two}"
        );
        let file = parse(r#"{"cases": [{"id": "a", "input": {"rates": [1, "x"]}}]}"#).unwrap();
        let input = file.cases[0].input().unwrap();
        assert_eq!(
            input
                .at("rates")
                .unwrap()
                .numbers()
                .unwrap_err()
                .to_string(),
            "some.json: cases[0] (a): input.rates[1]: found \"x\", expected a number"
        );
        assert_eq!(
            input.at("speed").unwrap_err().to_string(),
            "some.json: cases[0] (a): input: `speed` is missing"
        );
    }

    #[test]
    fn instances_are_cases_and_a_name_is_an_id() {
        let file = parse(r#"{"instances": [{"name": "gd95c"}, {}]}"#).unwrap();
        let ids: Vec<&str> = file.cases.iter().map(|case| case.id.as_str()).collect();
        assert_eq!(ids, ["gd95c", "1"]);
        assert_eq!(file.filtered(Some("95")).cases.len(), 1);
    }
}
