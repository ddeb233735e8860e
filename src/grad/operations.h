/* operations.h — what can be differentiated, in one table: an operation's name as users know it,
 * what its way back reads, and its pullback.
 *
 * To add one: a line in operations.c, its pullback in the file of its family (pull_*.c), and a
 * sample in tests/lua/test_grad.lua, which goes through the table and compares each with central
 * differences. The arrays among its arguments are its inputs; what else a pullback has to know (an
 * axis, an order), the binding tells by bind_tell (bind/bind_grad.h), and it stands in the node's
 * `attributes`. */
#ifndef PERIGEE_GRAD_OPERATIONS_H
#define PERIGEE_GRAD_OPERATIONS_H

#include "grad/node.h"

/* NULL: it has no gradient, or nobody has written it yet. */
const Operation *operation_find(const char *name);
const Operation *operation_at(size_t i); /* to list them; NULL past the last */

/* ---- The pullbacks, by family ---------------------------------------------------------------- */

Pullback pull_slope; /* pull_elementwise.c */

Pullback pull_sum, pull_mean, pull_prod, pull_deviation, pull_extreme, pull_norm, pull_cumsum,
    pull_logsumexp;

Pullback pull_reshape, pull_transpose, pull_slice, pull_chosen, pull_same, pull_concatenate,
    pull_stack, pull_sort;

Pullback pull_matmul, pull_outer;

Pullback pull_scores, pull_layers, pull_rows; /* models.c */
void forget_scores(void *attributes);
void forget_rows(void *attributes);
void forget_layers(void *attributes);

Pullback pull_softmax, pull_log_softmax, pull_linear, pull_conv2d, pull_maxpool, pull_gather,
    pull_diag, pull_quantile;

Pullback pull_solve, pull_inv, pull_eigh, pull_svd;

#endif
