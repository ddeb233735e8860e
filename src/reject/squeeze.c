#include "reject/squeeze.h"

#include "core/fail.h"
#include "reject/log_odds.h"
#include "reject/squeezers.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { SQUEEZERS_MOST = 16 };
static const double surest = 700; /* S where nothing changes */

static const Field fields[] = {
    { "model", FIELD_OBJECT, offsetof(SqueezeParts, model), .type = "model", .required = true,
      .meaning = "whose scores they are: logits; it must not reject by itself" },
    { "squeezers", FIELD_OBJECT, .type = "string[]", .initial = "{ \"bits 1\", \"median 2\" }",
      .meaning = "of \"bits b\", \"median k\" (k × k pixels), \"mean k\" and \"nlm a b s\"" },
    THRESHOLD_FIELD(offsetof(SqueezeParts, threshold)),
    { .name = NULL },
};
static const SqueezeParts initial = { .threshold = -INFINITY };
const Fields squeeze_fields = { fields, &initial };

typedef struct Squeeze {
    Detector detector;
    size_t count;
    Squeezer squeezer[SQUEEZERS_MOST];
} Squeeze;

static const Field options[] = {
    THRESHOLD_FIELD(offsetof(Detector, threshold)),
    { .name = NULL },
};

/* ---- What a tile keeps ----------------------------------------------------------------------- */

/* One squeezer's view of the rows. */
typedef struct View {
    float *y;       /* the rows, squeezed; then their gradients */
    double *z, *dz; /* n × classes */
    ModelPass pass;
} View;

typedef struct Kept {
    View view[SQUEEZERS_MOST];
    double *odds; /* of a row: classes by x, then by a view */
} Kept;

static void forget(DetectorTile *tile) {
    const Squeeze *self = (const Squeeze *)tile->self;
    Kept *kept = tile->kept;
    for (size_t v = 0; kept && v < self->count; v++) {
        if (kept->view[v].pass.model)
            model_pass_clear(&kept->view[v].pass);
        free(kept->view[v].y);
        free(kept->view[v].z);
    }
    if (kept)
        free(kept->odds);
    free(kept);
}

static bool keep(DetectorTile *tile, Error *err) {
    const Squeeze *self = (const Squeeze *)tile->self;
    size_t floats = tile->rows.n * tile->rows.features, columns = tile->rows.n * tile->classes;
    Kept *kept = tile->kept = calloc(1, sizeof *kept);
    bool ok = kept && (kept->odds = malloc(2 * tile->classes * sizeof(double))) != NULL;
    for (size_t v = 0; ok && v < self->count; v++) {
        View *view = &kept->view[v];
        view->y = malloc(floats * sizeof *view->y);
        view->z = malloc(2 * columns * sizeof *view->z);
        ok = view->y && view->z;
        if (ok)
            view->dz = view->z + columns;
    }
    return ok || error_memory(err, tile->rows.where, floats * sizeof(float));
}

/* Images of a model's samples; rows of features are images of one row. */
static Images images_of(const Detector *self, size_t n, size_t features) {
    Sizes shape = model_input_shape(self->inner);
    Images images = { n, 1, 1, features };
    if (shape.ndim >= 2) {
        images.height = shape.size[shape.ndim - 2];
        images.width = shape.size[shape.ndim - 1];
        images.channels = features / (images.height * images.width);
    }
    return images;
}

/* ---- There ----------------------------------------------------------------------------------- */

static bool score_view(DetectorTile *tile, size_t v, Error *err) {
    const Squeeze *self = (const Squeeze *)tile->self;
    View *view = &((Kept *)tile->kept)->view[v];
    Batch squeezed = tile->rows;
    squeezed.x = view->y;
    if (!squeezer_apply(self->squeezer[v], images_of(tile->self, squeezed.n, squeezed.features),
                        tile->rows.x, view->y, err))
        return false;
    view->pass = (ModelPass){ .model = tile->self->inner, .batch = squeezed, .wider = tile->wider };
    return labels_equal(&tile->self->inner->classes, &tile->self->base.classes)
               ? (tile->keep ? model_forward(&view->pass, view->z, err)
                             : model_scores(view->pass.model, &squeezed, view->z, err))
               : error_set(err, ERROR_ARGUMENT, "squeeze: the model inside was changed meanwhile");
}

/* log Σ min(p, q) and log ½ Σ |p − q| of two softmaxes by their log-odds; with lp and lq. */
typedef struct Overlap {
    double common, apart;
} Overlap;

static double larger_sum(double sum, double term) {
    double high = fmax(sum, term), low = fmin(sum, term);
    return low == -INFINITY ? high : high + log1p(exp(low - high));
}

static Overlap overlap_of(const double *p, const double *q, size_t classes) {
    Overlap overlap = { -INFINITY, -INFINITY };
    for (size_t c = 0; c < classes; c++) {
        double a = log_share(p[c]), b = log_share(q[c]), gap = fabs(a - b);
        if (isnan(a) || isnan(b))
            return (Overlap){ NAN, NAN };
        overlap.common = larger_sum(overlap.common, fmin(a, b));
        if (gap > 0)
            overlap.apart = larger_sum(overlap.apart, fmax(a, b) + log(-expm1(-gap)) - log(2));
    }
    return overlap;
}

static double agreement(Overlap overlap) {
    double s = overlap.common - overlap.apart;
    return s > surest ? surest : s;
}

static Scores scores_of(const double *z, size_t row, size_t classes) {
    return (Scores){ z + row * classes, classes, 1 };
}

static void measure_row(DetectorTile *tile, size_t i) {
    const Squeeze *self = (const Squeeze *)tile->self;
    const Kept *kept = tile->kept;
    size_t classes = tile->classes;
    double *odds = kept->odds, *other = odds + classes, *parts = tile->parts + i * classes;
    log_odds(scores_of(tile->z, i, classes), odds);
    memcpy(parts, odds, classes * sizeof *parts);
    tile->statistic[i] = surest;
    for (size_t v = 0; v < self->count; v++) {
        log_odds(scores_of(kept->view[v].z, i, classes), other);
        double s = agreement(overlap_of(odds, other, classes));
        if (s < tile->statistic[i] || isnan(s))
            tile->statistic[i] = s;
        for (size_t c = 0; c < classes; c++)
            parts[c] = other[c] < parts[c] || isnan(other[c]) ? other[c] : parts[c];
    }
}

static bool measure(DetectorTile *tile, Error *err) {
    const Squeeze *self = (const Squeeze *)tile->self;
    if (!keep(tile, err))
        return false;
    for (size_t v = 0; v < self->count; v++)
        if (!score_view(tile, v, err))
            return false;
    for (size_t i = 0; i < tile->rows.n; i++)
        measure_row(tile, i);
    return true;
}

/* ---- Back ------------------------------------------------------------------------------------ */

/* dz += the gradient by z of Σ a_c log p_c, that is a_k (1 − p_k) − p_k Σ_{c≠k} a_c; as it stands,
 * for the largest a is many times what comes out. */
static void pull_shares(const double *odds, const double *a, size_t classes, double *dz) {
    size_t largest = 0;
    double rest = 0;
    for (size_t c = 1; c < classes; c++)
        largest = fabs(a[c]) > fabs(a[largest]) ? c : largest;
    for (size_t c = 0; c < classes; c++)
        rest += c == largest ? 0 : a[c];
    for (size_t k = 0; k < classes; k++) {
        double others = k == largest ? rest : rest - a[k] + a[largest];
        dz[k] += a[k] * exp(log_rest(odds[k])) - exp(log_share(odds[k])) * others;
    }
}

/* w times the slopes of S by log p and by log q, the two's log-odds being given. */
static void slopes_of(const double *p, const double *q, size_t classes, double w, double *a,
                      double *b) {
    Overlap overlap = overlap_of(p, q, classes);
    for (size_t c = 0; c < classes; c++) {
        double lp = log_share(p[c]), lq = log_share(q[c]);
        double sign = lp > lq ? 0.5 : lp < lq ? -0.5 : 0;
        a[c] = -w * sign * exp(lp - overlap.apart);
        b[c] = w * sign * exp(lq - overlap.apart);
        if (lp < lq)
            a[c] += w * exp(lp - overlap.common);
        else
            b[c] += w * exp(lq - overlap.common);
    }
}

/* dS goes to the view that is farthest from x. */
static void pull_statistic(DetectorTile *tile, size_t i, double *scratch) {
    const Squeeze *self = (const Squeeze *)tile->self;
    const Kept *kept = tile->kept;
    size_t classes = tile->classes;
    double *odds = kept->odds, *other = odds + classes;
    if (tile->dstatistic[i] == 0 || tile->statistic[i] >= surest)
        return;
    log_odds(scores_of(tile->z, i, classes), odds);
    for (size_t v = 0; v < self->count; v++) {
        log_odds(scores_of(kept->view[v].z, i, classes), other);
        if (agreement(overlap_of(odds, other, classes)) > tile->statistic[i])
            continue;
        slopes_of(odds, other, classes, tile->dstatistic[i], scratch, scratch + classes);
        pull_shares(odds, scratch, classes, tile->dz + i * classes);
        pull_shares(other, scratch + classes, classes, kept->view[v].dz + i * classes);
        return;
    }
}

/* dP_c goes to the view that is least sure of c. */
static void pull_parts(DetectorTile *tile, size_t i) {
    const Squeeze *self = (const Squeeze *)tile->self;
    const Kept *kept = tile->kept;
    size_t classes = tile->classes;
    for (size_t c = 0; c < classes; c++) {
        double w = tile->dparts[i * classes + c], *dz = tile->dz;
        const double *z = tile->z;
        if (w == 0)
            continue;
        for (size_t v = 0; v < self->count; v++) {
            log_odds(scores_of(kept->view[v].z, i, classes), kept->odds);
            if (kept->odds[c] <= tile->parts[i * classes + c]) {
                z = kept->view[v].z;
                dz = kept->view[v].dz;
            }
        }
        log_odds_pull(scores_of(z, i, classes), c, w, dz + i * classes);
    }
}

static bool pull(DetectorTile *tile, Error *err) {
    const Squeeze *self = (const Squeeze *)tile->self;
    const Kept *kept = tile->kept;
    double *scratch = malloc(2 * tile->classes * sizeof *scratch);
    if (!scratch)
        return error_memory(err, tile->rows.where, 2 * tile->classes * sizeof *scratch);
    for (size_t v = 0; v < self->count; v++)
        memset(kept->view[v].dz, 0, tile->rows.n * tile->classes * sizeof(double));
    for (size_t i = 0; i < tile->rows.n; i++) {
        pull_statistic(tile, i, scratch);
        pull_parts(tile, i);
    }
    free(scratch);
    return true;
}

static bool behind(DetectorTile *tile, float *gradient, Error *err) {
    const Squeeze *self = (const Squeeze *)tile->self;
    Kept *kept = tile->kept;
    size_t n = tile->rows.n, features = tile->rows.features;
    float *slopes = malloc(n * features * sizeof *slopes);
    bool ok = slopes || error_memory(err, tile->rows.where, n * features * sizeof *slopes);
    for (size_t v = 0; ok && v < self->count; v++) {
        ok = model_backward(&kept->view[v].pass, kept->view[v].dz, slopes, err) &&
             squeezer_pull(self->squeezer[v], images_of(tile->self, n, features),
                           &(SqueezerPull){ tile->rows.x, slopes, gradient }, err);
    }
    free(slopes);
    return ok;
}

/* ---- As other models ------------------------------------------------------------------------- */

/* Borrowed texts of a model's squeezers. */
typedef struct Names {
    char text[SQUEEZERS_MOST][SQUEEZER_TEXT];
    const char *name[SQUEEZERS_MOST];
} Names;

static void take_names(const Squeeze *self, Names *names) {
    for (size_t v = 0; v < self->count; v++)
        names->name[v] = squeezer_text(self->squeezer[v], names->text[v]);
}

static Model *copy(const Detector *base, Model *inner, bool learnt, Error *err) {
    (void)learnt;
    const Squeeze *self = (const Squeeze *)base;
    Names names;
    take_names(self, &names);
    return squeeze_new(&(SqueezeParts){ inner, names.name, self->count, base->threshold }, err);
}

static bool write(const Detector *base, const ModelWriter *to, Error *err) {
    (void)err;
    const Squeeze *self = (const Squeeze *)base;
    JsonNode list = json_list(to->meta, "squeezers");
    Names names;
    take_names(self, &names);
    for (size_t v = 0; v < self->count; v++)
        json_string(list, NULL, names.name[v]);
    return true;
}

static Model *read_squeeze(const ModelReader *from, Error *err) {
    const cJSON *list = cJSON_GetObjectItemCaseSensitive(from->meta, "squeezers"), *item;
    const char *name[SQUEEZERS_MOST];
    SqueezeParts parts = { .squeezer = name };
    bool ok = cJSON_IsArray(list) && cJSON_GetArraySize(list) <= SQUEEZERS_MOST;
    for (item = ok ? list->child : NULL; item; item = item->next) {
        ok = ok && cJSON_IsString(item);
        name[parts.squeezers++] = item->valuestring;
    }
    if (!ok) {
        error_set(err, ERROR_FILE, "the metadata's squeezers are not a list of names");
        return NULL;
    }
    parts.model = detector_read_inner(from, &squeeze_kind, &parts.threshold, err);
    Model *made = parts.model ? squeeze_new(&parts, err) : NULL;
    model_release(parts.model);
    return made;
}

const DetectorKind squeeze_kind = {
    .model = { .name = "squeeze", DETECTOR_AROUND, .read = read_squeeze },
    .options = options,
    .inner = "model",
    .measure = measure,
    .pull = pull,
    .behind = behind,
    .forget = forget,
    .copy = copy,
    .write = write,
};

static bool take_squeezers(Squeeze *self, const SqueezeParts *parts, Error *err) {
    if (parts->squeezers == 0 || parts->squeezers > SQUEEZERS_MOST)
        return error_set(err, ERROR_ARGUMENT, "squeezers: expected 1 to %d of them, got %zu",
                         SQUEEZERS_MOST, parts->squeezers);
    bool images = model_input_shape(self->detector.inner).ndim >= 2;
    for (size_t v = 0; v < parts->squeezers; v++) {
        if (!squeezer_parse(parts->squeezer[v], &self->squeezer[v], err))
            return false;
        if (squeezer_needs_images(self->squeezer[v]) && !images)
            return error_set(err, ERROR_ARGUMENT,
                             "squeezers: \"%s\" is for images, and the %s takes rows of features",
                             parts->squeezer[v], self->detector.inner->kind->name);
    }
    self->count = parts->squeezers;
    return true;
}

Model *squeeze_new(const SqueezeParts *parts, Error *err) {
    const DetectorParts base = { .kind = &squeeze_kind,
                                 .size = sizeof(Squeeze),
                                 .where = "reject.squeeze",
                                 .model = parts->model,
                                 .threshold = parts->threshold };
    Squeeze *made = detector_new(&base, err);
    if (!made)
        return NULL;
    if (take_squeezers(made, parts, err))
        return (Model *)made;
    error_prefix(err, "reject.squeeze");
    model_release((Model *)made);
    return NULL;
}

size_t squeeze_count(const Model *model) {
    return ((const Squeeze *)model)->count;
}

const char *squeeze_name(const Model *model, size_t i, char text[32]) {
    return squeezer_text(((const Squeeze *)model)->squeezer[i], text);
}
