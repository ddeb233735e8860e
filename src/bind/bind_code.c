/* bind_code.c — what of an object is code that a user has written. */
#include "bind/bind_attack.h"
#include "bind/bind_kernel.h"
#include "bind/bind_layer.h"
#include "bind/bind_model.h"
#include "bind/bind_native.h"
#include "bind/bind_preprocess.h"
#include "nn/network.h"
#include "svm/svc.h"

/* The table on top of the stack goes to the end of the list below it. */
static void append(lua_State *L) {
    lua_rawseti(L, -2, (lua_Integer)lua_rawlen(L, -2) + 1);
}

static void list_layers(lua_State *L, const Network *net) {
    for (size_t l = 0; l < network_layer_count(net); l++) {
        const LayerKind *kind = network_layer_hosted(net, l);
        if (!kind)
            continue;
        bind_push_layer_definition(L, kind);
        append(L);
    }
}

/* The definitions in the model and in all models in it. */
static void list_code(lua_State *L, const Model *model) {
    ModelPart part;
    luaL_checkstack(L, 4, "models are nested too deeply");
    if (model->kind == &network_model_kind)
        list_layers(L, (const Network *)model);
    else if (model->kind->stands_on)
        list_code(L, model->kind->stands_on(model));
    else if (model->kind == &svc_kind &&
             bind_push_kernel_definition(L, svc_kernel((const Svc *)model)))
        append(L); // NOLINT(bugprone-branch-clone): each is asked after the one before
    else if (bind_preprocess_push_definition(L, model))
        append(L);
    for (size_t i = 0; model->kind->part_at && model->kind->part_at(model, i, &part); i++)
        list_code(L, part.model);
}

int bind_code(lua_State *L) {
    const Model *model = bind_test_model(L, 1);
    lua_newtable(L);
    if (model)
        list_code(L, model);
    else if (bind_push_attack_spec(L, 1))
        append(L);
    return 1;
}
