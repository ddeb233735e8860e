#include "attack/result_text.h"

#include "attack/attack_fields.h"
#include "attack/attacks.h"
#include "core/array_values.h"
#include "core/nan.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

static void label_text(const AttackResult *result, int32_t label, char text[24]) {
    if (result->rejects && label == LABEL_REJECTED)
        snprintf(text, 24, "rejected");
    else if (label == LABEL_NONE)
        snprintf(text, 24, "no label");
    else
        snprintf(text, 24, "%d", (int)label);
}

static void one_line(const AttackResult *result, char text[RESULT_TEXT]) {
    char end[24], start[64] = "", goal[48] = "";
    const Array *loss = result->trace[0].loss;
    size_t iterates = array_size(loss);
    label_text(result, array_i32(result->label)[0], end);
    Verdict before = result_start_verdict(result, 0);
    if (before != VERDICT_CORRECT) {
        char from[24];
        label_text(result, array_i32(result->start_label)[0], from);
        snprintf(start, sizeof start, " (%s%s at the start)",
                 before == VERDICT_WRONG ? "taken for " : "", from);
    }
    if (result->target)
        snprintf(goal, sizeof goal, ", target %d %s", (int)array_i32(result->target)[0],
                 result_hit(result, 0) ? "hit" : "missed");
    snprintf(text, RESULT_TEXT,
             "%s on %s: class %d%s → %s, %s%s (loss %.4g, %s distance %.4g; %zu iterate%s, %s; "
             "%d scores, %d gradients)",
             result->attack, result->model_kind, (int)array_i32(result->y)[0], start, end,
             verdict_name(result_verdict(result, 0)), goal,
             nan_unsigned(array_f64(loss)[iterates - 1]), attack_norm_words[result->norm],
             nan_unsigned(array_f64(result->distance)[0]), iterates, iterates == 1 ? "" : "s",
             stop_name(array_i32(result->stop)[0]), (int)array_i32(result->score_count)[0],
             (int)array_i32(result->gradient_count)[0]);
}

/* "; stopped early: 3 converged, 1 interrupted", or nothing. */
enum { EARLY_TEXT = 240 };
static void early_text(const AttackResult *result, char text[EARLY_TEXT]) {
    size_t count[STOP_REASONS] = { 0 }, used = 0;
    *text = '\0';
    for (size_t i = 0; i < result->n; i++) {
        int32_t stop = array_i32(result->stop)[i];
        if (stop >= 0 && stop < STOP_REASONS)
            count[stop]++;
    }
    for (int stop = 0; stop < STOP_REASONS; stop++)
        if (count[stop] > 0 && stop != STOP_MAX_ITER && stop != STOP_GIVEN)
            used += (size_t)snprintf(text + used, EARLY_TEXT - used, "%s %zu %s",
                                     used ? "," : "; stopped early:", count[stop], stop_name(stop));
}

/* "; mean l2 distance 0.5", or nothing where no sample has one to take. What failed has not been
 * anywhere; what a minimal attack did not bring to its goal has no least distance. */
static void mean_text(const AttackResult *result, char text[96]) {
    const Attack *attack = attack_find(result->attack);
    bool minimal = attack && attack->minimal;
    size_t count = 0;
    double sum = 0;
    for (size_t i = 0; i < result->n; i++) {
        double distance = array_f64(result->distance)[i];
        Verdict verdict = result_verdict(result, i);
        bool there = verdict == VERDICT_EVADED && (!result->target || result_hit(result, i));
        if (verdict != VERDICT_FAILED && !isnan(distance) && (there || !minimal)) {
            sum += distance;
            count++;
        }
    }
    *text = '\0';
    if (count > 0)
        snprintf(text, 96, "; mean %s distance %s%.4g", attack_norm_words[result->norm],
                 minimal ? "of the evaded " : "", sum / (double)count);
}

static void batch_line(const AttackResult *result, char text[RESULT_TEXT]) {
    ResultCounts counts = result_counts(result);
    char goal[48] = "", before[48] = "", failed[48] = "", mean[96], early[EARLY_TEXT];
    const size_t *verdict = counts.verdict;
    mean_text(result, mean);
    early_text(result, early);
    if (verdict[VERDICT_WRONG])
        snprintf(before, sizeof before, ", %zu wrong before", verdict[VERDICT_WRONG]);
    if (verdict[VERDICT_FAILED])
        snprintf(failed, sizeof failed, ", %zu failed", verdict[VERDICT_FAILED]);
    if (result->target)
        snprintf(goal, sizeof goal, ", %zu hit the target", counts.hit);
    snprintf(
        text, RESULT_TEXT,
        "%s on %s: %zu samples: %zu correct, %zu rejected%s, %zu evaded%s%s (%zu correct at the "
        "start%s%s)",
        result->attack, result->model_kind, result->n, verdict[VERDICT_CORRECT],
        verdict[VERDICT_REJECTED], before, verdict[VERDICT_EVADED], failed, goal,
        counts.started_correct, mean, early);
}

/* Of the rejected runs alone, where no other has been flat. */
static void flat_line(const AttackResult *result, char text[RESULT_TEXT]) {
    ResultCounts counts = result_counts(result);
    bool rejected = counts.flat == counts.flat_rejected;
    size_t all =
        counts.verdict[VERDICT_REJECTED] + (rejected ? 0 : counts.verdict[VERDICT_CORRECT]);
    size_t used = strlen(text);
    const char *words = rejected ? "rejected runs" : "runs that did not evade";
    if (counts.flat == 0)
        return;
    if (result->n == 1)
        snprintf(text + used, RESULT_TEXT - used,
                 "\nit ended where the gradient had vanished: try attack.auto");
    else
        snprintf(text + used, RESULT_TEXT - used,
                 "\n%zu of %zu %s ended where the gradient had vanished: try attack.auto",
                 counts.flat, all, words);
}

const char *result_text(const AttackResult *result, char text[RESULT_TEXT]) {
    if (result->n == 1)
        one_line(result, text);
    else
        batch_line(result, text);
    flat_line(result, text);
    return text;
}
