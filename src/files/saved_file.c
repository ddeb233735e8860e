#include "files/saved_file.h"

#include "core/fail.h"

bool saved_load(const char *path, Model **model, AttackResult **result, Error *err) {
    Tensors tensors;
    *model = NULL;
    *result = NULL;
    tensors_init(&tensors);
    if (!tensors_open(&tensors, path, err))
        return false;
    bool is_result;
    if (attack_result_is_in(&tensors, &is_result, err)) {
        if (is_result)
            *result = attack_result_from(&tensors, err);
        else
            *model = model_from(&tensors, err);
    }
    tensors_clear(&tensors);
    if (!*model && !*result)
        error_prefix(err, "%s", path);
    return *model || *result;
}
