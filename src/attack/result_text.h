/* result_text.h — a result in one line, or two. */
#ifndef PERIGEE_ATTACK_RESULT_TEXT_H
#define PERIGEE_ATTACK_RESULT_TEXT_H

#include "attack/result.h"

enum { RESULT_TEXT = 640 };

/* Of one sample: "pgd_exp on dnr: class 0 → 3, evaded (loss −0.069, l2 distance 2; 24 iterates,
 * converged; 266 scores, 24 gradients)"; of a batch: "pgd_exp on dnr: 100 samples: 3 correct, 20
 * rejected, 77 evaded (95 correct at the start; mean l2 distance 1.93)". A
 * second line says where searches went blind: "55 of 56 rejected runs ended where the gradient had
 * vanished: try attack.auto". Returns text. */
const char *result_text(const AttackResult *result, char text[RESULT_TEXT]);

#endif
