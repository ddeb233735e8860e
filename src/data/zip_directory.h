/* zip_directory.h — a look at a zip archive's directory before libzip makes a table of it.
 *
 * That takes memory and time for as many entries as the archive claims, the square of it where
 * their names collide, and nothing can stop it. */
#ifndef PERIGEE_DATA_ZIP_DIRECTORY_H
#define PERIGEE_DATA_ZIP_DIRECTORY_H

#include "core/source.h"

/* Fails where the archive has more than `most` entries or says that it has, by any of the records
 * that may be taken for its end. What else is wrong with it is libzip's to tell. Moves source->at.
 */
bool zip_directory_check(Source *source, size_t most, Error *err);

#endif
