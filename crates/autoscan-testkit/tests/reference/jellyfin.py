"""Jellyfin's own client for Python works with a pretend Jellyfin.

jellyfin.py URL KEY VERSION FOLDER: the server sees FOLDER as /media, and looks at a reported path after a second.
"""

import sys
from pathlib import Path

from claims import claim, refused, same, soon
from jellyfin_apiclient_python import JellyfinClient
from jellyfin_apiclient_python.exceptions import HTTPException

url, key, version, folder = sys.argv[1:]
disk = Path(folder)


def connected(token):
    client = JellyfinClient()
    client.config.app("autoscan's tests", "1.0", "here", "one-of-a-kind")
    client.config.auth(url, None, token)
    client.config.data["auth.ssl"] = False
    client.config.http(user_agent="autoscan's tests")
    return client


def write(path, size):
    file = disk / path
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(b"x" * size)
    return f"/media/{path}"


def the_server(client):
    same(client.jellyfin.try_server()["Version"], version, "the server tells its version to anybody")
    same(client.jellyfin.get_system_info_new()["ServerName"], "Pretend Jellyfin", "the server tells its name")
    claim("LibraryMonitorDelay" in client.jellyfin.get_system_configuration(), "the server tells its settings")
    wrong = connected("wrong")
    refused(wrong.jellyfin.get_system_info_new, HTTPException, "a wrong key is understood")


def the_libraries(client):
    folders = {at["Name"]: at for at in client.jellyfin.virtual_folders()}
    same(folders["Films"]["Locations"], ["/media/movies"], "a library has its folder")
    same(folders["Series"]["CollectionType"], "tvshows", "a library has its kind")
    same(client.jellyfin.virtual_folders()[0]["RefreshStatus"], "Idle", "a library rests")
    return folders


def items(client, parent, kind):
    found = client.jellyfin.items(
        params={"ParentId": parent, "IncludeItemTypes": kind, "Recursive": True, "Fields": "Path,MediaSources"}
    )
    return {item["Path"]: item for item in found["Items"]}


def reported(client, library, path, kind):
    update = {"Updates": [{"Path": path, "UpdateType": "Created"}]}
    same(client.jellyfin._post("Library/Media/Updated", json=update), None, "a report is taken")
    return soon(lambda: items(client, library, kind).get(path), f"what was reported becomes a {kind}")


def a_film(client, library):
    path = write("movies/New & \"Good\" <é> + 100% (2001)/New & \"Good\" <é> + 100% (2001).mkv", 1234)
    film = reported(client, library, path, "Movie")
    same(film["MediaSources"][0]["Size"], 1234, "the film has its size")
    same(film["MediaSources"][0]["Path"], path, "the film's source has its path")
    write(path.removeprefix("/media/"), 99)
    same(client.jellyfin.refresh_item(film["Id"], preset="missing"), None, "an item is refreshed")
    soon(
        lambda: items(client, library, "Movie")[path]["MediaSources"][0]["Size"] == 99,
        "the film has its new size after it was refreshed",
    )
    by_id = client.jellyfin.items(params={"Ids": film["Id"], "Fields": "Path"})["Items"]
    same([item["Path"] for item in by_id], [path], "an item is found by its id")
    found = client.jellyfin.items(
        params={"SearchTerm": "New", "Recursive": True, "IncludeItemTypes": "Movie", "Fields": "Path"}
    )
    same([item["Path"] for item in found["Items"]], [path], "an item is found by its name")
    refused(lambda: client.jellyfin.refresh_item("0" * 32), HTTPException, "what is no item cannot be refreshed")
    (disk / path.removeprefix("/media/")).unlink()
    client.jellyfin.refresh_item(library, preset="missing")
    soon(lambda: path not in items(client, library, "Movie"), "the deleted film is gone")


def a_series(client, library):
    path = write("tv/Show (2010)/Season 1/Show - S01E02.mkv", 5)
    episode = reported(client, library, path, "Episode")
    same((episode["ParentIndexNumber"], episode["IndexNumber"]), (1, 2), "the episode has its numbers")
    same(episode["SeriesName"], "Show", "the episode knows its series")
    children = client.jellyfin.items(params={"ParentId": episode["SeasonId"], "Fields": "Path"})
    same([item["Id"] for item in children["Items"]], [episode["Id"]], "a season has its episodes")
    show = client.jellyfin.items(params={"Ids": episode["SeriesId"], "Fields": "Path"})["Items"][0]
    same((show["Type"], show["Path"]), ("Series", "/media/tv/Show (2010)"), "the series has its folder")


def what_goes_on(client):
    playing = [at for at in client.jellyfin.sessions() if "NowPlayingItem" in at]
    same([at["PlayState"]["IsPaused"] for at in playing], [False, True], "somebody watches, somebody has paused")
    tasks = {task["Key"]: task["State"] for task in client.jellyfin._get("ScheduledTasks")}
    same(tasks["RefreshLibrary"], "Idle", "no scan of everything runs")
    seen = {"Path": "/media/movies", "IsFile": False}
    same(client.jellyfin._post("Environment/ValidatePath", json=seen), None, "the server sees its folder")
    unseen = {"Path": "/media/nowhere", "IsFile": False}
    refused(
        lambda: client.jellyfin._post("Environment/ValidatePath", json=unseen),
        HTTPException,
        "the server does not see what is not there",
    )
    client.jellyfin.refresh_library()
    tasks = {task["Key"]: task["State"] for task in client.jellyfin._get("ScheduledTasks")}
    same(tasks["RefreshLibrary"], "Running", "a scan of everything runs")


client = connected(key)
the_server(client)
libraries = the_libraries(client)
a_film(client, libraries["Films"]["ItemId"])
a_series(client, libraries["Series"]["ItemId"])
what_goes_on(client)
