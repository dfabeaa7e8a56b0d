//! The basic properties of AMQP 0-9-1, section 1.8.3.1 of its XML specification.

/// The basic properties of a message, its headers excepted.
///
/// Every property is optional and can be set by any publisher; only `user_id` is verified by RabbitMQ.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Properties {
    /// MIME type of the body.
    pub content_type: Option<String>,
    /// MIME encoding of the body, such as `gzip`.
    pub content_encoding: Option<String>,
    /// 1 is transient, 2 is persistent.
    pub delivery_mode: Option<u8>,
    /// 0 to 255.
    pub priority: Option<u8>,
    /// What the message belongs to; the field's word for a business conversation.
    pub correlation_id: Option<String>,
    /// Where an answer goes.
    pub reply_to: Option<String>,
    /// Time to live in milliseconds, as text.
    pub expiration: Option<String>,
    /// The publisher's id of the message.
    pub message_id: Option<String>,
    /// Seconds since the Unix epoch.
    pub timestamp: Option<u64>,
    /// The event type.
    pub message_type: Option<String>,
    /// The authenticated user that published it.
    pub user_id: Option<String>,
    /// The application that published it.
    pub app_id: Option<String>,
    /// Deprecated by the specification; carried along.
    pub cluster_id: Option<String>,
}

/// The frame around properties and headers: its own eight bytes, class, weight, body size and the flags.
const FRAME: usize = 8 + 2 + 2 + 8 + 2;

impl Properties {
    /// Their size on the wire, with the frame around them and without the headers.
    pub(super) fn encoded_len(&self) -> usize {
        let texts = [
            &self.content_type,
            &self.content_encoding,
            &self.correlation_id,
            &self.reply_to,
            &self.expiration,
            &self.message_id,
            &self.message_type,
            &self.user_id,
            &self.app_id,
            &self.cluster_id,
        ];
        let texts: usize = texts.into_iter().flatten().map(|text| 1 + text.len()).sum();
        let octets = usize::from(self.delivery_mode.is_some()) + usize::from(self.priority.is_some());
        FRAME + texts + octets + self.timestamp.map_or(0, |_| 8)
    }
}
