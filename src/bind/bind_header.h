/* bind_header.h — what a session says about itself: in info() at the prompt, and in the header of
 * every model, result, session file and figure that it writes. */
#ifndef PERIGEE_BIND_HEADER_H
#define PERIGEE_BIND_HEADER_H

#include <cjson/cJSON.h>
#include <lua.h>

/* version, revision, seed, threads, blas, blas_core, libsvm, lua: a new JSON object, which savers
 * put under "written_by" in a file's metadata. NULL on lack of memory. To be deleted. */
cJSON *bind_header(void);

/* The same as one line: "perigee 0.1.0 (6841313), seed 0, 2 threads, OpenBLAS 0.3.21 (SkylakeX),
 * libsvm 3.24, Lua 5.4.4". */
const char *bind_header_line(char text[256]);

/* The same as a new table on L's stack. */
void bind_push_header(lua_State *L);

#endif
