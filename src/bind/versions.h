/* versions.h — what this program is and stands on, and what a session says about itself: in
 * --version, in info() at the prompt, and in every model, result, session and figure it writes. */
#ifndef PERIGEE_BIND_VERSIONS_H
#define PERIGEE_BIND_VERSIONS_H

#include "core/types.h"

#include <cjson/cJSON.h>
#include <lua.h>
#include <stdio.h>

const char *versions_perigee(void); /* "0.1.0" */

void versions_print(FILE *out);

/* version, revision, seed, threads, blas, blas_core, libsvm, lua: a new JSON object, which savers
 * put under "written_by" in a file's metadata. NULL, with an Error, on lack of memory. To be
 * deleted. */
cJSON *bind_header(Error *err);

/* The same as a new table on L's stack. */
void bind_push_header(lua_State *L);

/* Where in the registry the shard is that --shard says, { i, n }, for perigee.facts(). */
#define PERIGEE_SHARD "perigee.shard"

#endif
