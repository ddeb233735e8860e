/* data_folder.h — where public data sets lie on this machine.
 *
 * The set NAME is looked for in $PERIGEE_DATA/NAME, data/NAME under the working folder, and the
 * user's data folder ($XDG_DATA_HOME/perigee/NAME, else ~/.local/share/perigee/NAME). */
#ifndef PERIGEE_DATA_DATA_FOLDER_H
#define PERIGEE_DATA_DATA_FOLDER_H

#include "core/types.h"

#include <stdbool.h>

enum { DATA_PATH = 4096, DATA_SEARCHED = 800 };

/* Has this folder the files? `what` is the caller's. */
typedef bool FolderHas(const char *folder, const void *what);

/* The first folder of that name that has them; false if there is none, `searched` then lists those
 * that were looked at: "a, b, c". */
bool data_folder_find(const char *name, FolderHas *has, const void *what, char folder[DATA_PATH],
                      char searched[DATA_SEARCHED]);

#endif
