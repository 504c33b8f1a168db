//! Queries: a declared shape, and the stretch of it that is read.

use std::ops::Bound;

use bleepstore_core::ports::{KeyRange, successor};
use firestore::gcloud_sdk::google::firestore::v1::structured_query::{
    CollectionSelector, Direction, FieldReference, Order, Projection,
};
use firestore::gcloud_sdk::google::firestore::v1::value::ValueType;
use firestore::gcloud_sdk::google::firestore::v1::{Cursor, Document, StructuredQuery, Value};

use super::rows;
use super::schema::{ID, KEY_BYTES, Path, QueryShape};

/// Where a query begins.
#[derive(Clone, Debug, PartialEq)]
enum Start {
    Beginning,
    /// At the first document with these values or greater ones.
    At(Vec<Value>),
    /// After all documents with these values.
    Behind(Vec<Value>),
}

impl Start {
    fn of(start: Bound<String>, value: impl Fn(String) -> Value) -> Self {
        match start {
            Bound::Included(first) => Self::At(vec![value(first)]),
            Bound::Excluded(last) => Self::Behind(vec![value(last)]),
            Bound::Unbounded => Self::Beginning,
        }
    }
}

/// A read of documents of one collection, ascending.
#[derive(Clone, Debug)]
pub(super) struct Query {
    shape: &'static QueryShape,
    /// The document that the collection belongs to; `None` for the root collection.
    pub(super) parent: Option<Path>,
    start: Start,
    /// Only documents before these values.
    end: Option<Vec<Value>>,
}

impl Query {
    /// All documents.
    pub(super) fn of(shape: &'static QueryShape, parent: Option<Path>) -> Self {
        Self {
            shape,
            parent,
            start: Start::Beginning,
            end: None,
        }
    }

    /// Only documents with values of the ordering field in this range.
    pub(super) fn between(self, start: Bound<String>, end: Option<String>) -> Self {
        Self {
            start: Start::of(start, rows::text),
            end: end.map(|end| vec![rows::text(end)]),
            ..self
        }
    }

    /// Only documents after the one with this value of the ordering field, and this name.
    pub(super) fn behind_both(self, field: &str, name: String) -> Self {
        Self {
            start: Start::Behind(vec![rows::text(field), reference(name)]),
            ..self
        }
    }

    /// Only documents with names after this one.
    pub(super) fn behind_name(self, name: String) -> Self {
        Self {
            start: Start::Behind(vec![reference(name)]),
            ..self
        }
    }

    /// Only documents with names in this range.
    pub(super) fn between_names(self, start: Bound<String>, end: Option<String>) -> Self {
        Self {
            start: Start::of(start, reference),
            end: end.map(|end| vec![reference(end)]),
            ..self
        }
    }

    /// The rest of the query after a document that it has read.
    pub(super) fn behind(self, document: &Document) -> Self {
        let field = self.shape.ordered_by();
        let mut values: Vec<Value> = field
            .and_then(|field| document.fields.get(field).cloned())
            .into_iter()
            .collect();
        values.push(reference(document.name.clone()));
        Self {
            start: Start::Behind(values),
            ..self
        }
    }

    /// What is sent.
    pub(super) fn structured(&self, limit: usize) -> StructuredQuery {
        let start_at = match &self.start {
            Start::Beginning => None,
            Start::At(values) => Some(cursor(values, true)),
            Start::Behind(values) => Some(cursor(values, false)),
        };
        let fields: Vec<FieldReference> = self
            .shape
            .fields()
            .iter()
            .map(|field| field_reference(field))
            .collect();
        StructuredQuery {
            select: (!fields.is_empty()).then_some(Projection { fields }),
            from: vec![CollectionSelector {
                collection_id: self.shape.collection().to_owned(),
                all_descendants: false,
            }],
            order_by: self
                .shape
                .ordered_by()
                .into_iter()
                .chain([ID])
                .map(|field| Order {
                    field: Some(field_reference(field)),
                    direction: Direction::Ascending.into(),
                })
                .collect(),
            start_at,
            end_at: self.end.as_ref().map(|values| cursor(values, true)),
            limit: Some(i32::try_from(limit).unwrap_or(i32::MAX)),
            ..StructuredQuery::default()
        }
    }
}

fn cursor(values: &[Value], before: bool) -> Cursor {
    Cursor {
        values: values.to_vec(),
        before,
    }
}

fn field_reference(field: &str) -> FieldReference {
    FieldReference {
        field_path: field.to_owned(),
    }
}

fn reference(name: String) -> Value {
    Value {
        value_type: Some(ValueType::ReferenceValue(name)),
    }
}

/// At most as much of a text as any key has, so that a query takes it. A read that starts there meets all that
/// lies after the whole text, and perhaps some that does not.
pub(super) fn cut(text: &str) -> &str {
    &text[..text.floor_char_boundary(KEY_BYTES)]
}

/// The query over all keys of `range`, each with `stem` before it in the ordering field, and perhaps some that the
/// range does not admit; `None` when no key can lie in it.
pub(super) fn within(query: Query, range: &KeyRange, stem: &str) -> Option<Query> {
    if range.prefix.len() > KEY_BYTES {
        return None;
    }
    let start = range.entry()?.map(|text| format!("{stem}{}", cut(&text)));
    let end = successor(&format!("{stem}{}", range.prefix));
    let passed = match (&start, &end) {
        (Bound::Included(first) | Bound::Excluded(first), Some(end)) => first >= end,
        _ => false,
    };
    (!passed).then(|| query.between(start, end))
}
