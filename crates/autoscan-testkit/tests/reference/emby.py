"""Emby's own client for Python works with a pretend Emby.

emby.py URL KEY FOLDER: the server sees FOLDER as /media, and looks at a reported path after a second.
"""

import sys
from pathlib import Path

import emby_client as emby
from claims import claim, refused, same, soon
from emby_client.rest import ApiException

url, key, folder = sys.argv[1:]
disk = Path(folder)


def connected(token):
    configuration = emby.Configuration()
    configuration.host = f"{url}/emby"
    configuration.api_key = {"api_key": token}
    return emby.ApiClient(configuration)


def write(path, size):
    file = disk / path
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(b"x" * size)
    return f"/media/{path}"


def the_server(client):
    system = emby.SystemServiceApi(client)
    same(system.get_system_info_public().version, "4.9.1.90", "the server tells its version to anybody")
    info = system.get_system_info()
    same((info.server_name, info.has_pending_restart), ("Pretend Emby", False), "the server tells its name")
    wrong = emby.SystemServiceApi(connected("wrong"))
    refused(wrong.get_system_info, ApiException, "a wrong key is understood")


def the_libraries(client):
    found = emby.LibraryStructureServiceApi(client).get_library_virtualfolders_query()
    folders = {at.name: at for at in found.items}
    same(folders["Films"].locations, ["/media/movies"], "a library has its folder")
    same(folders["Series"].collection_type, "tvshows", "a library has its kind")
    selectable = {at.name: at for at in emby.LibraryServiceApi(client).get_library_selectablemediafolders()}
    same([at.path for at in selectable["Films"].sub_folders], ["/media/movies"], "the older list has it too")
    return folders


def at(client, path):
    found = emby.ItemsServiceApi(client).get_items(
        path=path, recursive=True, fields="Path,MediaSources", limit=1
    )
    return found.items[0] if found.items else None


def reported(client, path):
    body = emby.LibraryPostUpdatedMedia(updates=[emby.LibraryMediaUpdateInfo(path=path, update_type="Created")])
    emby.LibraryServiceApi(client).post_library_media_updated(body)
    return soon(lambda: at(client, path), "what was reported is found by its path")


def refresh(client, item, **how):
    modes = {"metadata_refresh_mode": "Default", "image_refresh_mode": "Default"}
    emby.ItemRefreshServiceApi(client).post_items_by_id_refresh(item, **modes, **how)


def a_film(client, library):
    path = write("movies/New & \"Good\" <é> + 100% (2001)/New & \"Good\" <é> + 100% (2001).mkv", 1234)
    film = reported(client, path)
    same((film.type, film.path), ("Movie", path), "the film is found by its path")
    same(film.media_sources[0].size, 1234, "the film has its size")
    claim(film.id.isdigit(), "the id is a number")
    same(at(client, path + "x"), None, "nothing is found by another path")
    write(path.removeprefix("/media/"), 99)
    refresh(client, film.id)
    soon(lambda: at(client, path).media_sources[0].size == 99, "the film has its new size after it was refreshed")
    refused(lambda: refresh(client, "999999"), ApiException, "what is no item cannot be refreshed")
    (disk / path.removeprefix("/media/")).unlink()
    refresh(client, library, recursive=True)
    soon(lambda: not at(client, path), "the deleted film is gone")


def a_series(client, library):
    path = write("tv/Show (2010)/Season 1/Show - S01E02.mkv", 5)
    episode = reported(client, path)
    same((episode.parent_index_number, episode.index_number), (1, 2), "the episode has its numbers")
    same(episode.series_name, "Show", "the episode knows its series")
    items = emby.ItemsServiceApi(client)
    shows = items.get_items(parent_id=library, include_item_types="Series", recursive=True, fields="Path").items
    same([(show.id, show.path) for show in shows], [(episode.series_id, "/media/tv/Show (2010)")], "the series")
    children = items.get_items(parent_id=episode.season_id).items
    same([child.id for child in children], [episode.id], "a season has its episodes")


def what_goes_on(client):
    playing = [at for at in emby.SessionsServiceApi(client).get_sessions() if at.now_playing_item]
    same([at.play_state.is_paused for at in playing], [False, True], "somebody watches, somebody has paused")
    tasks = {task.key: task.state for task in emby.ScheduledTaskServiceApi(client).get_scheduledtasks()}
    same(tasks["RefreshLibrary"], "Idle", "no scan of everything runs")
    environment = emby.EnvironmentServiceApi(client)
    environment.post_environment_validatepath(emby.ValidatePath(is_file=False), "/media/movies")
    refused(
        lambda: environment.post_environment_validatepath(emby.ValidatePath(is_file=False), "/media/nowhere"),
        ApiException,
        "the server does not see what is not there",
    )
    emby.LibraryServiceApi(client).post_library_refresh()
    tasks = {task.key: task.state for task in emby.ScheduledTaskServiceApi(client).get_scheduledtasks()}
    same(tasks["RefreshLibrary"], "Running", "a scan of everything runs")


client = connected(key)
the_server(client)
libraries = the_libraries(client)
a_film(client, libraries["Films"].item_id)
a_series(client, libraries["Series"].item_id)
what_goes_on(client)
