/* nan.h — not-a-number without a sign: that of 0 / 0 depends on the machine, and printf shows it.
 */
#ifndef PERIGEE_CORE_NAN_H
#define PERIGEE_CORE_NAN_H

#include <math.h>

static inline double nan_unsigned(double x) {
    return isnan(x) ? (double)NAN : x;
}

#endif
