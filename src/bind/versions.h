/* versions.h — what this program is and stands on: --version, and info at the prompt. */
#ifndef PERIGEE_BIND_VERSIONS_H
#define PERIGEE_BIND_VERSIONS_H

#include <stdio.h>

const char *versions_perigee(void);  /* "0.1.0" */
const char *versions_revision(void); /* git's name of the commit; "" outside a checkout */

/* OpenBLAS's number alone: "0.3.21". */
void versions_blas(char text[32]);

void versions_print(FILE *out);

#endif
