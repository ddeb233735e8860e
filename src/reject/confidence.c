#include "reject/confidence.h"

#include "core/fail.h"
#include "reject/log_odds.h"

#include <math.h>

#define TEMPERATURE(at)                                                                            \
    {                                                                                              \
        "temperature", FIELD_NUMBER, (at),                                                         \
            .low = 0, .high = 1e6, .open = FIELD_ABOVE_LOW,                                        \
            .meaning = "what the model's scores are divided by; it counts at once"                 \
    }

#define COMMON                                                                                     \
    { "model",                                                                                     \
      FIELD_OBJECT,                                                                                \
      offsetof(ConfidenceParts, model),                                                            \
      .type = "model",                                                                             \
      .required = true,                                                                            \
      .meaning = "whose scores they are: logits; it must not reject by itself" },                  \
        THRESHOLD_FIELD(offsetof(ConfidenceParts, threshold)),                                     \
        TEMPERATURE(offsetof(ConfidenceParts, temperature))

static const Field fields[] = {
    COMMON,
    { "probability", FIELD_NUMBER, offsetof(ConfidenceParts, probability), .low = 0, .high = 1,
      .open = FIELD_BELOW_HIGH, .initial = "none",
      .meaning = "what the largest softmax probability has to be above, in place of threshold" },
    { .name = NULL },
};
static const Field energy_only[] = { COMMON, { .name = NULL } };
static const ConfidenceParts initial = { .threshold = -INFINITY,
                                         .temperature = 1,
                                         .probability = NAN };
const Fields confidence_fields = { fields, &initial };
const Fields energy_fields = { energy_only, &initial };

typedef struct Confidence {
    Detector detector;
    double temperature;
} Confidence;

static const Field options[] = {
    THRESHOLD_FIELD(offsetof(Detector, threshold)),
    TEMPERATURE(offsetof(Confidence, temperature)),
    { .name = NULL },
};

static Scores scores_of(const DetectorTile *tile, size_t row) {
    return (Scores){ tile->z + row * tile->classes, tile->classes,
                     1 / ((const Confidence *)tile->self)->temperature };
}

/* ---- The largest probability ----------------------------------------------------------------- */

static bool measure_confidence(DetectorTile *tile, Error *err) {
    (void)err;
    for (size_t i = 0; i < tile->rows.n; i++) {
        double *odds = tile->parts + i * tile->classes;
        log_odds(scores_of(tile, i), odds);
        tile->statistic[i] = odds[model_best_class(&tile->self->base, odds)];
    }
    return true;
}

static bool pull_confidence(DetectorTile *tile, Error *err) {
    (void)err;
    size_t classes = tile->classes;
    for (size_t i = 0; i < tile->rows.n; i++)
        for (size_t c = 0; c < classes; c++)
            log_odds_pull(scores_of(tile, i), c, tile->dparts[i * classes + c],
                          tile->dz + i * classes);
    return true;
}

/* ---- The free energy ------------------------------------------------------------------------- */

static bool measure_energy(DetectorTile *tile, Error *err) {
    (void)err;
    size_t classes = tile->classes;
    for (size_t i = 0; i < tile->rows.n; i++) {
        Scores scores = scores_of(tile, i);
        double energy = log_sum_but(scores, classes) / scores.scale;
        tile->statistic[i] = energy;
        for (size_t c = 0; c < classes; c++)
            tile->parts[i * classes + c] = energy;
    }
    return true;
}

static bool pull_energy(DetectorTile *tile, Error *err) {
    (void)err;
    for (size_t i = 0; i < tile->rows.n; i++) {
        Scores scores = scores_of(tile, i);
        log_sum_pull(scores, tile->classes, tile->dstatistic[i] / scores.scale,
                     tile->dz + i * tile->classes);
    }
    return true;
}

/* ---- Both ------------------------------------------------------------------------------------ */

static Model *make(const DetectorKind *kind, const char *where, const ConfidenceParts *parts,
                   Error *err);

static Model *copy(const Detector *self, Model *inner, bool learnt, Error *err) {
    (void)learnt;
    const ConfidenceParts parts = { inner, self->threshold, ((const Confidence *)self)->temperature,
                                    NAN };
    return make((const DetectorKind *)self->base.kind, self->base.kind->name, &parts, err);
}

static bool write(const Detector *self, const ModelWriter *to, Error *err) {
    (void)err;
    json_number(to->meta, "temperature", ((const Confidence *)self)->temperature);
    return true;
}

static Model *read_as(const ModelReader *from, const DetectorKind *kind, Error *err) {
    ConfidenceParts parts;
    parts.model = detector_read_inner(from, kind, &parts.threshold, err);
    if (!parts.model)
        return NULL;
    Model *made = detector_read_number(from, "temperature", &parts.temperature, err)
                      ? make(kind, kind->model.name, &parts, err)
                      : NULL;
    model_release(parts.model);
    return made;
}

static Model *read_confidence(const ModelReader *from, Error *err) {
    return read_as(from, &confidence_kind, err);
}

static Model *read_energy(const ModelReader *from, Error *err) {
    return read_as(from, &energy_kind, err);
}

const DetectorKind confidence_kind = {
    .model = { .name = "confidence", DETECTOR_AROUND, .read = read_confidence },
    .options = options,
    .inner = "model",
    .alone = true,
    .measure = measure_confidence,
    .pull = pull_confidence,
    .copy = copy,
    .write = write,
};

const DetectorKind energy_kind = {
    .model = { .name = "energy", DETECTOR_AROUND, .read = read_energy },
    .options = options,
    .inner = "model",
    .measure = measure_energy,
    .pull = pull_energy,
    .copy = copy,
    .write = write,
};

static Model *make(const DetectorKind *kind, const char *where, const ConfidenceParts *parts,
                   Error *err) {
    if (!field_check(&fields[2], parts, err)) {
        error_prefix(err, "%s", where);
        return NULL;
    }
    const DetectorParts base = { .kind = kind,
                                 .size = sizeof(Confidence),
                                 .where = where,
                                 .model = parts->model,
                                 .threshold = parts->threshold };
    Confidence *made = detector_new(&base, err);
    if (made)
        made->temperature = parts->temperature;
    return (Model *)made;
}

Model *confidence_new(const ConfidenceParts *parts, Error *err) {
    ConfidenceParts own = *parts;
    double p = parts->probability;
    if (!isnan(p) && parts->threshold > -INFINITY) {
        error_set(err, ERROR_ARGUMENT,
                  "reject.confidence: threshold and probability say the same: give one of them");
        return NULL;
    }
    if (!isnan(p) && !field_check(&fields[3], parts, err)) {
        error_prefix(err, "reject.confidence");
        return NULL;
    }
    if (!isnan(p))
        own.threshold = log(p) - log1p(-p);
    return make(&confidence_kind, "reject.confidence", &own, err);
}

double confidence_probability(const Model *model) {
    return exp(log_share(((const Detector *)model)->threshold));
}

Model *energy_new(const ConfidenceParts *parts, Error *err) {
    return make(&energy_kind, "reject.energy", parts, err);
}
