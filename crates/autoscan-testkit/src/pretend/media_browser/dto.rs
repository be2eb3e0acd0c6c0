//! Items as these servers write them, about as large as theirs.

use autoscan_core::media::stem;
use serde_json::{Map, Value, json};

use crate::pretend::media_browser::query::numbers;
use crate::pretend::media_browser::tree::{Kind, NONE, Tree};

/// The moment at which every pretend server was made, in seconds since the Unix epoch: 2026-01-01.
pub(crate) const MADE_AT: u64 = 1_767_225_600;

/// What stands for every hash and for the server's id.
const ETAG: &str = "0123456789abcdef0123456789abcdef";

/// Seconds of a day.
const DAY: u64 = 86_400;

/// What is to be told of an item.
pub(crate) struct Wish<'a> {
    pub(crate) fields: &'a [&'a str],
    pub(crate) images: bool,
    pub(crate) user_data: bool,
    /// Whether sizes stand at the items themselves, as Emby's do, and not only at their sources.
    pub(crate) own_size: bool,
    /// How the server writes the id of an item.
    pub(crate) id: &'a dyn Fn(&Tree, u32) -> String,
}

impl Wish<'_> {
    fn has(&self, field: &str) -> bool {
        self.fields.iter().any(|known| known.eq_ignore_ascii_case(field))
    }
}

/// An item.
pub(crate) fn item(tree: &Tree, at: u32, wish: &Wish<'_>) -> Value {
    let mut dto = always(tree, at, wish);
    let node = tree.node(at);
    let id = (wish.id)(tree, at);
    let is_file = !node.kind.is_folder();
    let mut set = |name: &str, value: Value| {
        dto.insert(name.to_owned(), value);
    };
    if wish.has("Path") {
        set("Path", json!(tree.path(at)));
    }
    if wish.has("ParentId") && node.parent != NONE {
        set("ParentId", json!((wish.id)(tree, node.parent)));
    }
    if wish.has("DateCreated") {
        set("DateCreated", json!(moment(MADE_AT + u64::from(at))));
    }
    if wish.own_size && is_file && (wish.has("Size") || wish.has("MediaSources")) {
        set("Size", json!(node.size));
    }
    if wish.has("MediaSources") && is_file {
        set("MediaSources", sources(tree, at, &id));
    }
    if wish.images {
        set("ImageTags", json!({"Primary": ETAG}));
        set("ImageBlurHashes", json!({"Primary": {ETAG: "WPF5?xs:0KWB~qof-;ay"}}));
        set("BackdropImageTags", json!([]));
    }
    if wish.user_data {
        let data = json!({"PlaybackPositionTicks": 0, "PlayCount": 0, "IsFavorite": false, "Played": false, "Key": id});
        set("UserData", data);
    }
    Value::Object(dto)
}

/// What is told of every item.
fn always(tree: &Tree, at: u32, wish: &Wish<'_>) -> Map<String, Value> {
    let kind = tree.node(at).kind;
    let mut dto = Map::new();
    let mut set = |name: &str, value: Value| {
        dto.insert(name.to_owned(), value);
    };
    set("Name", json!(tree.name(at)));
    set("ServerId", json!(ETAG));
    set("Id", json!((wish.id)(tree, at)));
    set("Type", json!(kind.word()));
    set("IsFolder", json!(kind.is_folder()));
    set("LocationType", json!("FileSystem"));
    set("ProductionYear", json!(2001));
    set("PremiereDate", json!("2001-05-06T00:00:00.0000000Z"));
    set("CommunityRating", json!(7.25));
    set("OfficialRating", json!("TV-14"));
    set("ChannelId", Value::Null);
    // Jellyfin 12.0.0, measured: while a library is walked a new episode is listed without what is read from it.
    let bare = tree.node(at).bare;
    let (season, index) = if bare { (None, None) } else { numbers(tree, at) };
    if let Some(index) = index {
        set("IndexNumber", json!(index));
    }
    if let Some(season) = season {
        set("ParentIndexNumber", json!(season));
    }
    if !kind.is_folder() {
        // An empty file is an item, without a runtime.
        if !bare && tree.node(at).size > 0 && kind != Kind::Photo {
            set("RunTimeTicks", json!(27_000_000_000_u64));
        }
        set("Container", json!("mkv"));
        set("MediaType", json!(if kind == Kind::Audio { "Audio" } else { "Video" }));
        set("VideoType", json!("VideoFile"));
        set("HasSubtitles", json!(true));
    }
    for (up, name, id) in above(tree, at).into_iter().filter(|_| !bare) {
        set(name, json!(tree.name(up)));
        set(id, json!((wish.id)(tree, up)));
    }
    dto
}

/// The series and season, or artist and album, that an item belongs to, with the names by which it tells them.
fn above(tree: &Tree, at: u32) -> Vec<(u32, &'static str, &'static str)> {
    let mut found = Vec::new();
    let mut up = tree.node(at).parent;
    while up != NONE {
        match tree.node(up).kind {
            Kind::Series => found.push((up, "SeriesName", "SeriesId")),
            Kind::Season => found.push((up, "SeasonName", "SeasonId")),
            Kind::MusicAlbum => found.push((up, "Album", "AlbumId")),
            _ => {}
        }
        up = tree.node(up).parent;
    }
    found
}

fn sources(tree: &Tree, at: u32, id: &str) -> Value {
    let own = (tree.path(at), tree.node(at).size);
    let all = std::iter::once(&own).chain(tree.versions(at));
    let bare = tree.node(at).bare;
    all.map(|(path, size)| source(id, path, *size, bare)).collect()
}

fn source(id: &str, path: &str, size: u64, bare: bool) -> Value {
    let mut streams = Vec::new();
    if !bare && size > 0 {
        streams.push(stream(0, "Video", "hevc", "und"));
        streams.extend((1..3).map(|index| stream(index, "Audio", "eac3", "eng")));
        streams.extend((3..6).map(|index| stream(index, "Subtitle", "subrip", "ger")));
    }
    let name = stem(path.rsplit(['/', '\\']).next().unwrap_or_default()).to_owned();
    json!({
        "Protocol": "File", "Id": id, "Path": path, "Type": "Default", "Container": "mkv", "Size": size,
        "Name": name, "IsRemote": false, "ETag": ETAG,
        "RunTimeTicks": 27_000_000_000_u64, "ReadAtNativeFramerate": false, "IgnoreDts": false, "IgnoreIndex": false,
        "GenPtsInput": false, "SupportsTranscoding": true, "SupportsDirectStream": true, "SupportsDirectPlay": true,
        "IsInfiniteStream": false, "RequiresOpening": false, "RequiresClosing": false, "RequiresLooping": false,
        "SupportsProbing": true, "VideoType": "VideoFile", "MediaStreams": streams, "MediaAttachments": [],
        "Formats": [], "Bitrate": 5_000_000, "RequiredHttpHeaders": {}, "TranscodingSubProtocol": "http",
        "DefaultAudioStreamIndex": 1, "HasSegments": false,
    })
}

fn stream(index: usize, kind: &str, codec: &str, language: &str) -> Value {
    json!({
        "Codec": codec, "Language": language, "TimeBase": "1/1000", "VideoRange": "Unknown",
        "VideoRangeType": "Unknown", "AudioSpatialFormat": "None", "LocalizedDefault": "Default",
        "LocalizedExternal": "External", "DisplayTitle": format!("{language} - {codec} - Default"),
        "IsInterlaced": false, "IsAVC": false, "BitRate": 640_000, "IsDefault": index < 2, "IsForced": false,
        "IsHearingImpaired": false, "Height": 0, "Width": 0, "Type": kind, "Index": index, "IsExternal": false,
        "IsTextSubtitleStream": kind == "Subtitle", "SupportsExternalStream": kind == "Subtitle", "Level": 0,
    })
}

/// A moment as these servers write it, in UTC.
pub(crate) fn moment(seconds: u64) -> String {
    let (year, month, day) = date(seconds / DAY);
    let rest = seconds % DAY;
    format!(
        "{year:04}-{month:02}-{day:02}T{:02}:{:02}:{:02}.0000000Z",
        rest / 3600,
        rest / 60 % 60,
        rest % 60
    )
}

/// A moment as it stands in the header `Date`.
pub(crate) fn http_date(seconds: u64) -> String {
    const DAYS: [&str; 7] = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"];
    const MONTHS: [&str; 12] =
        ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
    let (year, month, day) = date(seconds / DAY);
    let weekday = DAYS[usize::try_from(seconds / DAY % 7).unwrap_or_default()];
    let month = MONTHS[usize::try_from(month).unwrap_or(1) - 1];
    let rest = seconds % DAY;
    format!(
        "{weekday}, {day:02} {month} {year:04} {:02}:{:02}:{:02} GMT",
        rest / 3600,
        rest / 60 % 60,
        rest % 60
    )
}

/// The seconds since the Unix epoch of a moment as it stands in a query; the zone is taken for UTC.
pub(crate) fn seconds(moment: &str) -> Option<u64> {
    let part = |from: usize, to: usize| moment.get(from..to)?.parse::<u64>().ok();
    let wanted = (part(0, 4)?, part(5, 7)?, part(8, 10)?);
    let year_begins = (wanted.0.checked_sub(1970)?) * 365;
    let day = (year_begins..year_begins + 40_000).find(|day| date(*day) == wanted)?;
    Some(day * DAY + part(11, 13)? * 3600 + part(14, 16)? * 60 + part(17, 19)?)
}

/// Year, month and day of a day since the Unix epoch.
fn date(mut day: u64) -> (u64, u64, u64) {
    let mut year = 1970;
    loop {
        let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
        let lengths = [31, 28 + u64::from(leap), 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
        for (month, length) in (1..).zip(lengths) {
            if day < length {
                return (year, month, day + 1);
            }
            day -= length;
        }
        year += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_are_written_and_read() {
        assert_eq!(moment(MADE_AT), "2026-01-01T00:00:00.0000000Z");
        assert_eq!(moment(951_782_400 + 3661), "2000-02-29T01:01:01.0000000Z");
        assert_eq!(seconds("2026-01-01T00:00:09Z"), Some(MADE_AT + 9));
        assert_eq!(seconds("yesterday"), None);
        assert_eq!(http_date(MADE_AT + 3661), "Thu, 01 Jan 2026 01:01:01 GMT");
    }
}
