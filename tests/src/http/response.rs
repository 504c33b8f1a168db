//! What a server answered, and what tests ask of it.

use bleepstore_core::model::ErrorCode;
use roxmltree::{Document, Node};

/// A response whose body has been read.
#[derive(Clone, Debug)]
pub struct Response {
    /// The status code.
    pub status: u16,
    /// The headers in order, names in lower case.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Vec<u8>,
}

/// S3's error document, checked for its form.
#[derive(Clone, Debug)]
pub struct ErrorDocument {
    /// The text that S3 writes for people.
    pub message: String,
    /// The response that carried it.
    pub response: Response,
    fields: Vec<(String, String)>,
}

impl Response {
    /// The value of a header that comes at most once.
    pub fn header(&self, name: &str) -> Option<&str> {
        let mut values = self.headers.iter().filter(|(header, _)| header == name);
        let value = values.next().map(|(_, value)| value.as_str());
        assert!(
            values.next().is_none(),
            "two {name} headers in {:?}",
            self.headers
        );
        value
    }

    /// The value of a header that must be there.
    #[track_caller]
    pub fn required(&self, name: &str) -> &str {
        self.header(name)
            .unwrap_or_else(|| panic!("no {name} in {:?}", self.headers))
    }

    /// The ETag, which must be there.
    #[track_caller]
    pub fn etag(&self) -> String {
        self.required("etag").to_owned()
    }

    /// The body as text.
    #[track_caller]
    pub fn text(&self) -> &str {
        std::str::from_utf8(&self.body).expect("a body in UTF-8")
    }

    /// Checks the status, showing the body if it is another.
    #[track_caller]
    pub fn assert_status(self, status: u16) -> Self {
        assert_eq!(
            self.status,
            status,
            "{:?} {}",
            self.headers,
            String::from_utf8_lossy(&self.body)
        );
        self
    }

    /// Checks the headers that every response of S3 carries.
    #[track_caller]
    pub fn assert_common_headers(&self) {
        for name in ["x-amz-request-id", "x-amz-id-2", "date", "server"] {
            assert!(!self.required(name).is_empty(), "an empty {name}");
        }
    }

    /// The texts of all elements at `path`, such as `ListBucketResult/Contents/Key`, in order.
    #[track_caller]
    pub fn all(&self, path: &str) -> Vec<String> {
        let document = Document::parse(self.text())
            .unwrap_or_else(|error| panic!("{error} in {}", String::from_utf8_lossy(&self.body)));
        let mut steps = path.split('/');
        let root = document.root_element();
        assert_eq!(
            root.tag_name().name(),
            steps.next().unwrap(),
            "another root element"
        );
        let mut nodes = vec![root];
        for step in steps {
            nodes = nodes
                .into_iter()
                .flat_map(|node| node.children().filter(move |child| child.has_tag_name_of(step)))
                .collect();
        }
        nodes
            .into_iter()
            .map(|node| node.text().unwrap_or_default().to_owned())
            .collect()
    }

    /// The text of the element at `path`, if there is one; there must not be two.
    #[track_caller]
    pub fn optional(&self, path: &str) -> Option<String> {
        let mut all = self.all(path);
        assert!(all.len() <= 1, "{path} occurs {} times", all.len());
        all.pop()
    }

    /// The text of the one element at `path`.
    #[track_caller]
    pub fn value(&self, path: &str) -> String {
        self.optional(path)
            .unwrap_or_else(|| panic!("no {path} in {}", String::from_utf8_lossy(&self.body)))
    }

    /// Checks that this is an S3 error with that status and code: a whole error document whose request id is the
    /// one in the headers.
    #[track_caller]
    pub fn into_error(self, status: u16, code: &str) -> ErrorDocument {
        let response = self.assert_status(status);
        assert_eq!(response.required("content-type"), "application/xml");
        let document = Document::parse(response.text()).expect("an error document");
        let root = document.root_element();
        assert_eq!(root.tag_name().name(), "Error");
        let fields: Vec<_> = root
            .children()
            .filter(Node::is_element)
            .map(|field| {
                (
                    field.tag_name().name().to_owned(),
                    field.text().unwrap_or_default().to_owned(),
                )
            })
            .collect();
        let error = ErrorDocument {
            message: String::new(),
            response: response.clone(),
            fields,
        };
        assert_eq!(error.field("Code"), code, "{}", response.text());
        assert_eq!(error.field("RequestId"), response.required("x-amz-request-id"));
        assert_eq!(error.field("HostId"), response.required("x-amz-id-2"));
        let message = error.field("Message").to_owned();
        assert!(!message.is_empty(), "an empty message");
        error.assert_in_catalogue();
        ErrorDocument { message, ..error }
    }

    /// Checks that this is an error without a body, as HEAD and 304 have it.
    #[track_caller]
    pub fn assert_bodiless(self, status: u16) -> Self {
        let response = self.assert_status(status);
        assert_eq!(response.body, b"");
        response.assert_common_headers();
        response
    }
}

/// The elements of every error.
const COMMON: [&str; 4] = ["Code", "Message", "RequestId", "HostId"];

impl ErrorDocument {
    /// Checks that the error carries what the catalogue says of its code, and nothing else.
    #[track_caller]
    fn assert_in_catalogue(&self) {
        let code = self.field("Code");
        let known = ErrorCode::ALL.iter().find(|known| known.as_str() == code);
        let known = known.unwrap_or_else(|| panic!("{code} is not in the catalogue of errors"));
        assert_eq!(self.response.status, known.status(), "the status of {code}");
        // An error about destinations of events numbers its arguments instead.
        let is_numbered = self.fields.iter().any(|(name, _)| name == "ArgumentName1");
        for name in known.fields().iter().filter(|_| !is_numbered) {
            self.field(name);
        }
        for name in known.headers() {
            self.response.required(name);
        }
        for (name, _) in &self.fields {
            let name = name.as_str();
            let listed = [&COMMON, known.fields(), known.occasional_fields()];
            assert!(
                listed.iter().any(|names| names.contains(&name)),
                "the catalogue lists no {name} for {code}"
            );
        }
    }

    /// The text of an element of the document; it must be there.
    #[track_caller]
    pub fn field(&self, name: &str) -> &str {
        let field = self.fields.iter().find(|(field, _)| field == name);
        field
            .map(|(_, value)| value.as_str())
            .unwrap_or_else(|| panic!("no {name} in {:?}", self.fields))
    }
}

/// Elements by their name, whatever their namespace.
trait LocalName {
    fn has_tag_name_of(&self, name: &str) -> bool;
}

impl LocalName for Node<'_, '_> {
    fn has_tag_name_of(&self, name: &str) -> bool {
        self.is_element() && self.tag_name().name() == name
    }
}
