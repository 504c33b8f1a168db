//! What a root of Terraform says of what was applied.

use serde_json::Value;

/// The outputs of a root.
pub(super) struct Outputs(pub(super) Value);

impl Outputs {
    /// An output that must be a text.
    pub(super) fn text(&self, name: &str) -> Result<&str, String> {
        self.known(name)
            .ok_or_else(|| format!("Terraform has no output {name}"))
    }

    /// An output that is a text; `None` where it is null, or nothing was applied yet.
    pub(super) fn known(&self, name: &str) -> Option<&str> {
        self.0[name]["value"].as_str()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_output_that_is_null_or_not_there_is_not_known() {
        let outputs = serde_json::from_str(r#"{"image":{"value":null},"region":{"value":"eu"}}"#);
        let outputs = Outputs(outputs.unwrap());
        assert_eq!(outputs.text("region"), Ok("eu"));
        assert_eq!((outputs.known("image"), outputs.known("endpoint")), (None, None));
        assert_eq!(
            outputs.text("endpoint"),
            Err("Terraform has no output endpoint".to_owned())
        );
    }
}
