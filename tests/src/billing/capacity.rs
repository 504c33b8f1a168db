//! What DynamoDB charges for a call, by its published rules
//! (<https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/read-write-operations.html>).

use std::collections::HashMap;
use std::ops::AddAssign;

use serde_json::Value;

/// What a unit reads of one item, or of all items of a query, in bytes.
const READ_UNIT: usize = 4096;
/// What a unit writes of one item, in bytes.
const WRITE_UNIT: usize = 1024;

/// Capacity units of strongly consistent reads, and of writes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Units {
    /// Read units.
    pub read: usize,
    /// Write units.
    pub write: usize,
}

impl Units {
    /// A read of this many bytes. One that finds nothing costs as much as the smallest.
    fn read(bytes: usize) -> Self {
        let read = bytes.div_ceil(READ_UNIT).max(1);
        Self { read, write: 0 }
    }

    /// A write where the larger of the rows before and after it has this many bytes.
    fn write(bytes: usize) -> Self {
        let write = bytes.div_ceil(WRITE_UNIT).max(1);
        Self { read: 0, write }
    }
}

impl AddAssign for Units {
    fn add_assign(&mut self, other: Self) {
        self.read += other.read;
        self.write += other.write;
    }
}

/// How large each row of a table is, learned from all calls that write to it.
#[derive(Debug, Default)]
pub struct Rows {
    sizes: HashMap<(String, String), usize>,
}

impl Rows {
    /// What a call costs. `answer` is what DynamoDB said, `None` where the call failed: a condition did not hold then.
    pub fn charge(&mut self, operation: &str, request: &Value, answer: Option<&Value>) -> Units {
        match (operation, answer) {
            ("GetItem", Some(answer)) => Units::read(size(&answer["Item"])),
            ("BatchGetItem", Some(answer)) => batch_get(request, answer),
            ("Query", Some(answer)) => Units::read(items(&answer["Items"]).map(size).sum()),
            ("PutItem", Some(_)) => self.put(&request["Item"]),
            ("UpdateItem", Some(answer)) => self.put(&answer["Attributes"]),
            ("DeleteItem", Some(_)) => self.delete(&request["Key"]),
            // Charged by the row as it is.
            ("PutItem", None) => Units::write(self.size_at(&request["Item"])),
            ("UpdateItem" | "DeleteItem", None) => Units::write(self.size_at(&request["Key"])),
            ("BatchWriteItem", Some(_)) => {
                let mut units = Units::default();
                for write in tables(&request["RequestItems"]).flat_map(items) {
                    units += self.delete(&write["DeleteRequest"]["Key"]);
                }
                units
            }
            ("TransactWriteItems", Some(_)) => {
                let mut units = Units::default();
                for action in items(&request["TransactItems"]) {
                    // Prepared, and then committed.
                    let once = match &action["Delete"]["Key"] {
                        Value::Null => self.put(&action["Put"]["Item"]),
                        gone => self.delete(gone),
                    };
                    units += once;
                    units += once;
                }
                units
            }
            _ => panic!("no rule for {operation} that was answered {answer:?}"),
        }
    }

    fn put(&mut self, item: &Value) -> Units {
        let new = size(item);
        let old = self.sizes.insert(key(item), new).unwrap_or_default();
        Units::write(old.max(new))
    }

    fn delete(&mut self, item: &Value) -> Units {
        Units::write(self.sizes.remove(&key(item)).unwrap_or_default())
    }

    fn size_at(&self, item: &Value) -> usize {
        self.sizes.get(&key(item)).copied().unwrap_or_default()
    }
}

/// Every key costs what its row costs alone, an absent one too.
fn batch_get(request: &Value, answer: &Value) -> Units {
    let mut units = Units::default();
    let asked: usize = tables(&request["RequestItems"])
        .map(|table| items(&table["Keys"]).count())
        .sum();
    let found: Vec<&Value> = tables(&answer["Responses"]).flat_map(items).collect();
    for item in &found {
        units += Units::read(size(item));
    }
    for _ in found.len()..asked {
        units += Units::read(0);
    }
    units
}

fn tables(of: &Value) -> impl Iterator<Item = &Value> {
    of.as_object().into_iter().flat_map(|tables| tables.values())
}

fn items(of: &Value) -> impl Iterator<Item = &Value> {
    of.as_array().into_iter().flatten()
}

fn key(item: &Value) -> (String, String) {
    let text = |name: &str| item[name]["S"].as_str().expect("a key of two texts").to_owned();
    (text("PK"), text("SK"))
}

/// Names and values of all attributes; a number has a byte for two digits and one more
/// (<https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/CapacityUnitCalculations.html>).
fn size(item: &Value) -> usize {
    let attributes = item.as_object().into_iter().flatten();
    attributes
        .map(|(name, value)| name.len() + value_size(value))
        .sum()
}

fn value_size(value: &Value) -> usize {
    let (kind, value) = value
        .as_object()
        .and_then(|value| value.iter().next())
        .expect("a kind");
    match (kind.as_str(), value) {
        ("S", Value::String(text)) => text.len(),
        ("N", Value::String(digits)) => digits.len().div_ceil(2) + 1,
        ("BOOL", _) => 1,
        _ => panic!("the store writes no attribute of the kind {kind}"),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// A row of exactly this size.
    fn row(key: &str, bytes: usize) -> Value {
        let used = "PK".len() + "SK".len() + "p".len() + key.len() + "text".len();
        json!({"PK": {"S": "p"}, "SK": {"S": key}, "text": {"S": "x".repeat(bytes - used)}})
    }

    fn units(read: usize, write: usize) -> Units {
        Units { read, write }
    }

    #[test]
    fn a_row_is_as_large_as_the_names_and_values_of_its_attributes() {
        assert_eq!(size(&row("a", 100)), 100);
        assert_eq!(
            size(&json!({"né": {"N": "12345"}, "b": {"BOOL": true}})),
            3 + 4 + 1 + 1
        );
        assert_eq!(size(&Value::Null), 0);
    }

    #[test]
    fn reads_are_charged_by_4_kilobytes_of_each_row_and_queries_by_their_sum() {
        let mut rows = Rows::default();
        let mut get = |item: Value| rows.charge("GetItem", &json!({}), Some(&json!({"Item": item})));
        assert_eq!(get(row("a", 4096)), units(1, 0));
        assert_eq!(get(row("a", 4097)), units(2, 0));
        assert_eq!(get(Value::Null), units(1, 0));
        let request = json!({"RequestItems": {"t": {"Keys": [{}, {}, {}]}}});
        let answer = json!({"Responses": {"t": [row("a", 1500), row("b", 6500)]}});
        assert_eq!(rows.charge("BatchGetItem", &request, Some(&answer)), units(4, 0));
        let answer = json!({"Items": [row("a", 1500), row("b", 6500)]});
        assert_eq!(rows.charge("Query", &json!({}), Some(&answer)), units(2, 0));
        let nothing = json!({"Items": []});
        assert_eq!(rows.charge("Query", &json!({}), Some(&nothing)), units(1, 0));
    }

    #[test]
    fn writes_are_charged_by_the_larger_of_the_rows_before_and_after_them() {
        let mut rows = Rows::default();
        let done = json!({});
        let put = |bytes| json!({"Item": row("a", bytes)});
        assert_eq!(rows.charge("PutItem", &put(1024), Some(&done)), units(0, 1));
        assert_eq!(rows.charge("PutItem", &put(3000), Some(&done)), units(0, 3));
        assert_eq!(rows.charge("PutItem", &put(100), Some(&done)), units(0, 3));
        assert_eq!(rows.charge("PutItem", &put(3000), None), units(0, 1));
        let updated = json!({"Attributes": row("a", 1100)});
        let key = json!({"Key": {"PK": {"S": "p"}, "SK": {"S": "a"}}});
        assert_eq!(rows.charge("UpdateItem", &key, Some(&updated)), units(0, 2));
        assert_eq!(rows.charge("DeleteItem", &key, None), units(0, 2));
        assert_eq!(rows.charge("DeleteItem", &key, Some(&done)), units(0, 2));
        assert_eq!(rows.charge("DeleteItem", &key, Some(&done)), units(0, 1));
    }

    #[test]
    fn a_transaction_costs_twice_and_a_batch_of_deletions_each() {
        let mut rows = Rows::default();
        let puts = json!({"TransactItems": [
            {"Put": {"Item": row("a", 100)}}, {"Put": {"Item": row("b", 1500)}},
            {"Delete": {"Key": {"PK": {"S": "p"}, "SK": {"S": "d"}}}},
        ]});
        let done = json!({});
        rows.charge("PutItem", &json!({"Item": row("d", 1500)}), Some(&done));
        assert_eq!(
            rows.charge("TransactWriteItems", &puts, Some(&done)),
            units(0, 10)
        );
        let key = |name| json!({"DeleteRequest": {"Key": {"PK": {"S": "p"}, "SK": {"S": name}}}});
        let deletes = json!({"RequestItems": {"t": [key("a"), key("b"), key("c")]}});
        assert_eq!(rows.charge("BatchWriteItem", &deletes, Some(&done)), units(0, 4));
    }
}
