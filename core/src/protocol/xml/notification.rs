//! Configurations of events in XML.
//! <https://docs.aws.amazon.com/AmazonS3/latest/API/API_PutBucketNotificationConfiguration.html>

use super::reader::{Reader, malformed, read_document};
use super::{Writer, document};
use crate::model::{
    DestinationForm, GivenNotification, GivenRule, NotificationConfiguration, NotificationRule, S3Error,
};

/// More than 100 rules have, so that one rule too many is refused as that.
const MAX_ELEMENTS: usize = 8_192;

/// In the order in which S3 writes them.
const FORMS: [(DestinationForm, &str); 3] = [
    (DestinationForm::Topic, "TopicConfiguration"),
    (DestinationForm::Queue, "QueueConfiguration"),
    (DestinationForm::Function, "CloudFunctionConfiguration"),
];

const EVENT_BRIDGE: &str = "EventBridgeConfiguration";

/// Reads the body of PutBucketNotificationConfiguration. `MalformedXML` where it is none, `InvalidArgument` and
/// `NotImplemented` where it says what is not taken.
pub fn read_notification(xml: &[u8]) -> Result<NotificationConfiguration, S3Error> {
    let given = read_document(xml, "NotificationConfiguration", MAX_ELEMENTS, |reader| {
        let mut given = GivenNotification::default();
        while let Some(name) = reader.next_child()? {
            let form = FORMS.iter().find(|(_, element)| *element == name);
            match form {
                Some((form, _)) => given.rules.push(read_rule(reader, *form)?),
                None if name == EVENT_BRIDGE && !given.event_bridge => {
                    given.event_bridge = true;
                    if reader.next_child()?.is_some() {
                        return Err(malformed());
                    }
                }
                None => return Err(malformed()),
            }
        }
        Ok(given)
    })?;
    NotificationConfiguration::new(given)
}

fn read_rule(reader: &mut Reader<'_>, form: DestinationForm) -> Result<GivenRule, S3Error> {
    let (mut id, mut arn, mut filter) = (None, None, None);
    let mut events = Vec::new();
    while let Some(name) = reader.next_child()? {
        match name.as_str() {
            "Id" if id.is_none() => id = Some(reader.text()?),
            "Event" => events.push(reader.text()?),
            "Filter" if filter.is_none() => filter = Some(read_filter(reader)?),
            name if name == form.element() && arn.is_none() => arn = Some(reader.text()?),
            _ => return Err(malformed()),
        }
    }
    Ok(GivenRule {
        form,
        id,
        arn: arn.ok_or_else(malformed)?,
        events,
        filter: filter.unwrap_or_default(),
    })
}

fn read_filter(reader: &mut Reader<'_>) -> Result<Vec<(String, String)>, S3Error> {
    let mut rules = None;
    while let Some(name) = reader.next_child()? {
        if name != "S3Key" || rules.is_some() {
            return Err(malformed());
        }
        let mut read = Vec::new();
        while let Some(name) = reader.next_child()? {
            if name != "FilterRule" {
                return Err(malformed());
            }
            read.push(read_filter_rule(reader)?);
        }
        rules = Some(read);
    }
    Ok(rules.unwrap_or_default())
}

fn read_filter_rule(reader: &mut Reader<'_>) -> Result<(String, String), S3Error> {
    let (mut key, mut value) = (None, None);
    while let Some(name) = reader.next_child()? {
        match name.as_str() {
            "Name" if key.is_none() => key = Some(reader.text()?),
            "Value" if value.is_none() => value = Some(reader.text()?),
            _ => return Err(malformed()),
        }
    }
    Ok((key.ok_or_else(malformed)?, value.ok_or_else(malformed)?))
}

/// The configuration of a bucket that has one.
pub fn notification(configuration: &NotificationConfiguration) -> Vec<u8> {
    document("NotificationConfiguration", |root| {
        for (form, element) in FORMS {
            for rule in configuration.rules.iter().filter(|rule| rule.form == form) {
                root.element(element, |element| write_rule(element, rule));
            }
        }
        if configuration.event_bridge {
            root.element(EVENT_BRIDGE, |_| {});
        }
    })
}

fn write_rule(element: &mut Writer, rule: &NotificationRule) {
    element.text("Id", &rule.id);
    element.text(rule.form.element(), &rule.arn);
    for event in &rule.events {
        element.text("Event", event);
    }
    let ends = [("Prefix", &rule.prefix), ("Suffix", &rule.suffix)];
    let ends: Vec<_> = ends
        .into_iter()
        .filter_map(|(name, value)| Some((name, value.as_ref()?)))
        .collect();
    if !ends.is_empty() {
        element.element("Filter", |element| {
            element.element("S3Key", |element| {
                for (name, value) in ends {
                    element.element("FilterRule", |element| {
                        element.text("Name", name);
                        element.text("Value", value);
                    });
                }
            });
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::ErrorCode;

    const QUEUE: &str = "<Queue>arn:aws:sqs:::q</Queue>";
    const EVENT: &str = "<Event>s3:ObjectCreated:*</Event>";

    fn read(content: &str) -> Result<NotificationConfiguration, S3Error> {
        read_notification(
            format!("<NotificationConfiguration>{content}</NotificationConfiguration>").as_bytes(),
        )
    }

    fn queue(content: &str) -> String {
        format!("<QueueConfiguration>{content}</QueueConfiguration>")
    }

    fn written(configuration: &NotificationConfiguration) -> String {
        let xml = String::from_utf8(notification(configuration)).unwrap();
        let head = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<NotificationConfiguration \
                    xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\"";
        let content = xml.strip_prefix(head).unwrap();
        let content = content.strip_prefix('>').unwrap_or_default();
        content
            .strip_suffix("</NotificationConfiguration>")
            .unwrap_or_default()
            .to_owned()
    }

    #[test]
    fn a_configuration_is_read_as_it_is_written() {
        let filter = "<Filter><S3Key><FilterRule><Name>Prefix</Name><Value>a&amp;/</Value></FilterRule>\
                      <FilterRule><Name>Suffix</Name><Value>.jpg</Value></FilterRule></S3Key></Filter>";
        let content = format!(
            "<TopicConfiguration><Id>t</Id><Topic>arn:aws:sns:::t</Topic>{EVENT}{filter}</TopicConfiguration>\
             <QueueConfiguration><Id>q</Id>{QUEUE}<Event>s3:ObjectRemoved:Delete</Event>\
             <Event>s3:ObjectAcl:Put</Event></QueueConfiguration>\
             <CloudFunctionConfiguration><Id>f</Id>\
             <CloudFunction>arn:bleepstore:lambda:::function:f</CloudFunction>\
             <Event>s3:ObjectTagging:*</Event></CloudFunctionConfiguration><EventBridgeConfiguration/>"
        );
        let configuration = read(&content).unwrap();
        assert_eq!(written(&configuration), content);
        assert!(configuration.event_bridge);
    }

    #[test]
    fn rules_are_written_by_their_forms_and_elements_are_read_in_any_order() {
        let queue = queue(&format!(
            "{EVENT}<Filter><S3Key><FilterRule><Value>a</Value><Name>suffix</Name></FilterRule></S3Key></Filter>\
             {QUEUE}<Id>q</Id>"
        ));
        let topic = "<TopicConfiguration><Topic>arn:aws:sns:::t</Topic><Event>s3:ObjectRemoved:*</Event><Id>t</Id>\
                     </TopicConfiguration>";
        let configuration = read(&format!("<EventBridgeConfiguration/>{queue}{topic}")).unwrap();
        let expected = format!(
            "<TopicConfiguration><Id>t</Id><Topic>arn:aws:sns:::t</Topic><Event>s3:ObjectRemoved:*</Event>\
             </TopicConfiguration><QueueConfiguration><Id>q</Id>{QUEUE}{EVENT}<Filter><S3Key><FilterRule>\
             <Name>Suffix</Name><Value>a</Value></FilterRule></S3Key></Filter></QueueConfiguration>\
             <EventBridgeConfiguration/>"
        );
        assert_eq!(written(&configuration), expected);
    }

    #[test]
    fn an_empty_configuration_and_an_empty_filter_say_nothing() {
        let none = read("").unwrap();
        assert!(none.is_empty());
        assert_eq!(written(&none), "");
        for filter in ["<Filter/>", "<Filter><S3Key/></Filter>"] {
            let rule = queue(&format!("<Id>q</Id>{QUEUE}{EVENT}"));
            let configuration = read(&queue(&format!("<Id>q</Id>{QUEUE}{EVENT}{filter}"))).unwrap();
            assert_eq!(written(&configuration), rule);
        }
    }

    #[test]
    fn what_is_no_configuration_is_malformed() {
        let filtered = |content: &str| queue(&format!("{QUEUE}{EVENT}<Filter>{content}</Filter>"));
        for wrong in [
            "<Queue/>".to_owned(),
            queue(""),
            queue(QUEUE),
            queue(EVENT),
            queue(&format!("{QUEUE}{QUEUE}{EVENT}")),
            queue(&format!("<Id/><Id/>{QUEUE}{EVENT}")),
            queue(&format!("<Topic>arn:aws:sns:::t</Topic>{EVENT}")),
            queue(&format!("{QUEUE}{EVENT}<Filter/><Filter/>")),
            queue(&format!("{QUEUE}{EVENT}<Colour/>")),
            filtered("<FilterRule/>"),
            filtered("<S3Key/><S3Key/>"),
            filtered("<S3Key><Rule/></S3Key>"),
            filtered("<S3Key><FilterRule><Name>prefix</Name></FilterRule></S3Key>"),
            filtered("<S3Key><FilterRule><Value>a</Value></FilterRule></S3Key>"),
            "<EventBridgeConfiguration/><EventBridgeConfiguration/>".to_owned(),
            "<EventBridgeConfiguration><Id/></EventBridgeConfiguration>".to_owned(),
        ] {
            assert_eq!(read(&wrong).unwrap_err().code, ErrorCode::MalformedXML, "{wrong}");
        }
        let none = read_notification(b"").unwrap_err();
        assert_eq!(none.code, ErrorCode::MissingRequestBodyError);
    }

    #[test]
    fn one_rule_too_many_is_refused_as_that() {
        let many = queue(&format!("{QUEUE}{EVENT}")).repeat(101);
        let error = read(&many).unwrap_err();
        assert_eq!(error.code, ErrorCode::InvalidArgument);
        assert!(error.message.contains("100"), "{}", error.message);
    }
}
