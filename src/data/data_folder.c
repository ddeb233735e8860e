#include "data/data_folder.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_FOLDERS = 3, FILE_ROOM = 64 };

typedef struct Folders {
    char path[MAX_FOLDERS][DATA_PATH];
    int count;
} Folders;

static void add_folder(Folders *folders, const char *base, const char *rest, const char *name) {
    if (!base || !*base)
        return;
    int length = snprintf(folders->path[folders->count], DATA_PATH, "%s%s/%s", base, rest, name);
    if (length < DATA_PATH - FILE_ROOM) /* room for a file's name */
        folders->count++;
}

static void list_folders(Folders *folders, const char *name) {
    const char *xdg = getenv("XDG_DATA_HOME");
    folders->count = 0;
    add_folder(folders, getenv("PERIGEE_DATA"), "", name);
    add_folder(folders, "data", "", name);
    if (xdg && *xdg)
        add_folder(folders, xdg, "/perigee", name);
    else
        add_folder(folders, getenv("HOME"), "/.local/share/perigee", name);
}

bool data_folder_find(const char *name, FolderHas *has, const void *what, char folder[DATA_PATH],
                      char searched[DATA_SEARCHED]) {
    Folders folders;
    list_folders(&folders, name);
    searched[0] = '\0';
    for (int i = 0; i < folders.count; i++) {
        if (has(folders.path[i], what)) {
            memcpy(folder, folders.path[i], DATA_PATH);
            return true;
        }
        size_t used = strlen(searched);
        snprintf(searched + used, DATA_SEARCHED - used, "%s%s", i ? ", " : "", folders.path[i]);
    }
    return false;
}
