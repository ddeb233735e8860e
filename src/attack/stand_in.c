#include "attack/stand_in.h"

#include "core/fail.h"

#include <stdlib.h>

static void stand_in_free(Model *model) {
    StandIn *self = (StandIn *)model;
    model_release(self->of);
    free(self);
}

Model *stand_in_new(size_t bytes, Model *of, const ModelKind *kind, Error *err) {
    const char *name = of->kind->name;
    StandIn *self = calloc(1, bytes);
    if (!self) {
        error_memory(err, name, bytes);
        return NULL;
    }
    self->kind = *kind;
    self->kind.name = name;
    self->kind.whole_batches = of->kind->whole_batches;
    self->kind.free = stand_in_free;
    model_init(&self->base, &self->kind);
    self->of = model_retain(of);
    self->base.features = of->features;
    self->base.rejects = of->rejects;
    if (labels_copy(name, &of->classes, &self->base.classes, err))
        return &self->base;
    model_release(&self->base);
    return NULL;
}
