"""plexapi works with a pretend Plex as a person would with a real one.

plex.py URL TOKEN FOLDER: the server sees FOLDER as /media.
"""

import sys
from pathlib import Path

from claims import claim, refused, same, soon
from plexapi.exceptions import NotFound, Unauthorized
from plexapi.library import File, MovieSection, MusicSection, ShowSection
from plexapi.library import Path as Folder
from plexapi.server import PlexServer

url, token, folder = sys.argv[1:]
disk = Path(folder)


def write(path, size):
    file = disk / path
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(b"x" * size)
    return f"/media/{path}"


def files(item):
    return {part.file: part.size for media in item.media for part in media.parts}


def with_file(section, path, libtype=None):
    return next((item for item in section.all(libtype=libtype) if path in files(item)), None)


def the_server():
    plex = PlexServer(url, token)
    same(plex.friendlyName, "Pretend Plex", "the server has a name")
    same(plex.version, "1.43.4.10000-abcdef", "the server has a version")
    identity = plex.identity()
    same(identity.machineIdentifier, plex.machineIdentifier, "the server is the same without the token")
    same(identity.claimed, True, "the server is claimed")
    refused(lambda: PlexServer(url, "wrong"), Unauthorized, "a wrong token is understood")
    return plex


def the_libraries(plex):
    sections = {section.title: section for section in plex.library.sections()}
    kinds = {title: type(section) for title, section in sections.items()}
    same(
        kinds,
        {"Films": MovieSection, "Series": ShowSection, "Music": MusicSection, "Archive": MovieSection},
        "the libraries have their kinds",
    )
    same(sections["Films"].locations, ["/media/movies", "/media/more"], "a library has its folders")
    same(sections["Films"].refreshing, False, "a library rests")
    same(sections["Films"].agent, "tv.plex.agents.movie", "a library has its agent")
    return sections


def the_settings(plex):
    same(plex.settings.get("autoEmptyTrash").value, False, "a setting that is off")
    same(plex.settings.get("FSEventLibraryUpdatesEnabled").value, True, "a setting that is on")
    same(plex.settings.get("ScheduledLibraryUpdateInterval").value, 3600, "a setting that is a number")


def looking_at_folders(plex):
    write("movies/Seen (1999)/Seen (1999).mkv", 3)
    claim(plex.isBrowsable("/media/movies"), "a folder can be looked at")
    claim(not plex.isBrowsable("/media/nowhere"), "a folder that is not there cannot")
    entries = plex.browse("/media/movies/Seen (1999)")
    same([(type(at), at.path) for at in entries], [(File, "/media/movies/Seen (1999)/Seen (1999).mkv")], "a file")
    same([type(at) for at in plex.browse("/media/movies")], [Folder], "a folder in a folder")
    same(list(plex.walk("/media/movies"))[-1][2][0].title, "Seen (1999).mkv", "one walks from folder to folder")
    same(plex.browse("/media/movies/Seen (1999)", includeFiles=False), [], "files are left out when not asked for")


def a_new_film(plex, films):
    told = []
    listener = plex.startAlertListener(told.append)
    soon(lambda: listener._ws and listener._ws.sock and listener._ws.sock.connected, "the websocket is open")
    path = write("movies/New & \"Good\" <é> + 100% (2001)/New #1.mkv", 1234)
    films.update(str(Path(path).parent))
    soon(lambda: plex.activities, "the scan is an activity")
    soon(lambda: films.reload().refreshing, "the library is being scanned")
    film = soon(lambda: with_file(films, path), "the new film is found by its file")
    same(files(film), {path: 1234}, "the film has its file and size")
    same(film.locations, [path], "the film has its location")
    same(film.librarySectionID, films.key, "the film knows its library")
    soon(lambda: not films.reload().refreshing and not plex.activities, "the scan is over")
    the_news(told, film, films)
    listener.stop()
    return film


def the_news(told, film, films):
    def activities(event):
        entries = [entry for news in list(told) for entry in news.get("ActivityNotification", [])]
        return [entry["Activity"] for entry in entries if entry["event"] == event]

    soon(lambda: activities("ended"), "the end of the scan is told")
    same(activities("started")[0]["type"], "library.update.section", "the beginning of the scan is told")
    named = activities("updated")[0]["Context"]["librarySectionID"]
    same(str(named), str(films.key), "the scan is told with its library, a while after it began")
    lines = [entry for news in told for entry in news.get("TimelineEntry", [])]
    claim(
        any(str(line["itemID"]) == str(film.ratingKey) and line["state"] == 5 for line in lines),
        "the new film is told of",
    )
    status = [entry["notificationName"] for news in told for entry in news.get("StatusNotification", [])]
    claim("LIBRARY_UPDATE" in status, "the change of the library is told")


def a_changed_film(films, film):
    path = film.locations[0]
    write(path.removeprefix("/media/"), 99)
    films.update(str(Path(path).parent))
    soon(lambda: files(film.reload()) == {path: 99}, "the changed film has its new size")
    film.analyze()
    film.refresh()
    same(film.reload().ratingKey, film.ratingKey, "the film is analysed and refreshed, and stays what it was")


def a_wrong_match(films, film):
    candidates = film.matches(title="imdb-tt0133093", year="")
    same([at.guid for at in candidates], ["plex://movie/5d776825880197001ec90a31"], "a candidate is found by its id")
    same((candidates[0].name, candidates[0].score), ("The Matrix", 100), "the candidate has a name and a score")
    film.fixMatch(candidates[0])
    film.reload()
    same(film.guid, "plex://movie/5d776825880197001ec90a31", "the film has the new match")
    same([guid.id for guid in film.guids], ["imdb://tt0133093", "tmdb://603"], "and the ids of other databases")
    same(film.section().title, "Films", "the film finds its library")
    film.unmatch()
    claim(film.reload().guid.startswith("local://"), "the match is undone")


def a_merged_film(films):
    paths = [write(f"more/Twin {n} (2000)/Twin {n}.mkv", n) for n in (1, 2)]
    films.update("/media/more")
    soon(lambda: all(with_file(films, path) for path in paths), "two films are found")
    one, other = (with_file(films, path) for path in paths)
    claim(one.ratingKey != other.ratingKey, "two films are two items")
    one.split()
    same(files(one.reload()), {paths[0]: 1}, "a film of one file stays as it is when it is split")


def a_deleted_film(films, film):
    path = film.locations[0]
    (disk / path.removeprefix("/media/")).unlink()
    films.update(str(Path(path).parent))
    trash = f"/library/sections/{films.key}/all?type=1&trash=1"
    gone = soon(lambda: films.fetchItems(trash), "the deleted film is in the trash")
    same([item.ratingKey for item in gone], [film.ratingKey], "nothing else is in the trash")
    claim(with_file(films, path), "the trash is still listed")
    films.emptyTrash()
    same(films.fetchItems(trash), [], "the trash is empty")
    refused(film.reload, NotFound, "the film is gone")


def a_series(series):
    paths = [write(f"tv/Show (2010)/Season 1/Show - S01E0{n}.mkv", n) for n in (1, 2, 3)]
    double = write("tv/Show (2010)/Season 1/Show - S01E04-E05.mkv", 45)
    series.update("/media/tv/Show (2010)/Season 1")
    soon(lambda: with_file(series, double, "episode"), "an episode is found by its file")
    show = series.all()[0]
    same((show.type, show.title), ("show", "Show"), "a library of series lists series")
    same(show.locations, ["/media/tv/Show (2010)"], "the series has its folder")
    episodes = {at.seasonEpisode: at.locations for at in show.episodes()}
    expected = {f"s01e0{n}": [path] for n, path in enumerate(paths, 1)}
    same(episodes, expected | {"s01e04": [double], "s01e05": [double]}, "the episodes have their numbers and files")
    same([at.index for at in show.seasons()], [1], "the series has its season")
    season = show.season(1)
    same(len(season.episodes()), 5, "the season has its episodes")
    same(season.episodes()[0].grandparentTitle, "Show", "an episode knows its series")
    season.analyze()
    show.refresh()


def music(section):
    path = write("music/Artist/Album/01 Song.flac", 7)
    section.update("/media/music/Artist/Album")
    track = soon(lambda: with_file(section, path, "track"), "a song is found by its file")
    same((track.parentRatingKey, track.type), (section.all(libtype="album")[0].ratingKey, "track"), "its album")
    same([at.title for at in section.all()], ["Artist"], "a library of music lists artists")
    same([at.locations for at in section.all()[0].tracks()], [[path]], "the artist has the song")


def pages(archive):
    films = archive.all()
    same(len(films), 250, "a long list is read in pages")
    same(len({film.locations[0] for film in films}), 250, "no page repeats another")


def people(plex):
    sessions = plex.sessions()
    same([session.player.state for session in sessions], ["playing"], "somebody watches")
    same(sessions[0].type, "movie", "it is a film that is watched")


plex = the_server()
sections = the_libraries(plex)
the_settings(plex)
looking_at_folders(plex)
film = a_new_film(plex, sections["Films"])
a_changed_film(sections["Films"], film)
a_wrong_match(sections["Films"], film)
a_merged_film(sections["Films"])
a_deleted_film(sections["Films"], film)
a_series(sections["Series"])
music(sections["Music"])
pages(sections["Archive"])
people(plex)
