//! How a person sets a sender up: said by its kind, drawn by the page.

/// What to do in the sender, and how to see that it works. Texts are sentences or names for a person.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Guide {
    /// Where in the sender it is set: `Settings → Connect → + → Webhook`; or who the trigger is for, where nothing is set.
    pub place: &'static str,
    /// What is set there, in the sender's order.
    pub fields: &'static [Field],
    /// How to try it, and what is seen then.
    pub test: &'static str,
    /// What is good to know: what the sender never reports, and what goes wrong.
    pub notes: &'static [&'static str],
    /// Whether the sender can sign its requests with `webhook-secret`.
    pub signs: bool,
}

/// A field of the sender.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Field {
    /// What it is called there.
    pub name: &'static str,
    /// What to put into it.
    pub value: FieldValue,
}

/// What to put into a field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FieldValue {
    /// The trigger's address.
    Url,
    /// The username of autoscan.
    Username,
    /// The password of autoscan.
    Password,
    /// The header with the API key of autoscan.
    KeyHeader,
    /// A box to tick.
    Tick,
    /// A box that may be ticked or not, and why.
    MayTick(&'static str),
    /// A box to leave, and why.
    Leave(&'static str),
    /// This very text.
    Text(&'static str),
    /// A command to be run. In it `URL` stands for the trigger's address.
    Command(&'static str),
}
