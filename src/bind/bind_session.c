/* Variables to a file and back: one safetensors file whose metadata says, as JSON under the key
 * "perigee.session", its format (core/json.h) and what stands where.
 *
 *     true, "text", 1.5           themselves; a string that is not text is {"bytes": hex digits}
 *     {"int": "42"}               integers, whole
 *     {"float": "nan"}            what JSON has no number for
 *     {"table": [[key, value] …]} entries in any order
 *     {"seen": 3}                 the third table again: shared or within itself
 *     {"array": "1"}              the part "1" of the bundle (data/bundle.h); likewise "dataset",
 *                                 "model" and "result"
 *
 * Nothing in it can run, and nothing is believed: whatever does not fit is an error, and the values
 * are handed over only when all have been read. */
#include "bind/bind.h"
#include "bind/bind_attack.h"
#include "bind/bind_header.h"
#include "bind/bind_model.h"
#include "bind/bind_native.h"
#include "bind/bind_samples.h"
#include "core/array.h"
#include "core/error.h"
#include "core/json.h"
#include "core/utf8.h"
#include "data/bundle.h"
#include "data/dataset.h"
#include "files/model_file.h"
#include "files/result_file.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static const char metadata_key[] = "perigee.session";
enum { MAX_DEPTH = 100, FORMAT = 1 };

/* Lives in a box, so that an error anywhere frees it. */
typedef struct Archive {
    Tensors tensors;
    cJSON *root;
    int parts; /* written so far: the next one's name */
} Archive;

static void archive_free(void *object) {
    Archive *archive = object;
    tensors_clear(&archive->tensors);
    cJSON_Delete(archive->root);
    free(archive);
}

static const BoxType archive_type = { "perigee.archive", "an archive", archive_free, NULL };

static Archive *new_archive(lua_State *L) {
    void **box = bind_new_box(L, &archive_type);
    Archive *archive = calloc(1, sizeof *archive);
    if (!archive)
        luaL_error(L, "not enough memory");
    tensors_init(&archive->tensors);
    *box = archive;
    return archive;
}

/* ---- Writing --------------------------------------------------------------------------------- */

static bool part_of_array(const Array *array, Tensors *part, Error *err) {
    Array *whole = array_contiguous("save", array, array->dtype, err);
    bool ok = whole && tensors_add(part, (TensorName){ NULL, "value" }, whole, err);
    array_free(whole);
    return ok;
}

static bool part_of_dataset(const Dataset *dataset, Tensors *part, Error *err) {
    double shape[ARRAY_MAX_DIMS];
    size_t ndim = (size_t)dataset->sample_ndim;
    for (size_t d = 0; d < ndim; d++)
        shape[d] = (double)dataset->sample_shape[d];
    return tensors_add(part, (TensorName){ NULL, "x" }, dataset->x, err) &&
           tensors_add(part, (TensorName){ NULL, "y" }, dataset->y, err) &&
           tensors_add_values(part, (TensorName){ NULL, "shape" },
                              &(TensorValues){ DTYPE_F64, shape, 1, &ndim }, err) &&
           tensors_set_text(part, "source", dataset->source, err);
}

/* The object at `arg` as a part; its kind's name, or NULL if it is not one that can be kept. */
static const char *make_part(lua_State *L, int arg, Tensors *part, bool *ok, Error *err) {
    const Array *array = bind_test_array(L, arg);
    const Dataset *dataset = bind_test_dataset(L, arg);
    const Model *model = bind_test_model(L, arg);
    const AttackResult *result = bind_test_attack_result(L, arg);
    *ok = true;
    if (array)
        *ok = part_of_array(array, part, err);
    else if (dataset)
        *ok = part_of_dataset(dataset, part, err);
    else if (model)
        *ok = model_to(model, NULL, part, err);
    else if (result)
        *ok = attack_result_to(result, NULL, part, err);
    return array ? "array" : dataset ? "dataset" : model ? "model" : result ? "result" : NULL;
}

/* The encoders hang each node under `parent` as soon as it is made: an error that leaves from deep
 * inside leaks nothing, because the root is in a box. */
static cJSON *hang(cJSON *parent, cJSON *node) {
    cJSON_AddItemToArray(parent, node);
    return node;
}

static void encode_object(lua_State *L, Archive *archive, int arg, cJSON *parent) {
    Tensors part;
    Error err = { 0 };
    bool ok;
    char name[32], got[128];
    tensors_init(&part);
    const char *kind = make_part(L, arg, &part, &ok, &err);
    snprintf(name, sizeof name, "%d", ++archive->parts);
    ok = ok && kind && bundle_put(&archive->tensors, name, &part, &err);
    tensors_clear(&part);
    if (!kind)
        luaL_error(L, "save: %s cannot be kept in a file", bind_describe(L, arg, got));
    if (!ok)
        bind_raise(L, &err);
    cJSON_AddStringToObject(hang(parent, cJSON_CreateObject()), kind, name);
}

static bool is_text(const char *string, size_t length) {
    for (size_t i = 0, n; i < length; i += n) {
        n = utf8_character(string + i, length - i);
        if (n == 0 || string[i] == '\0')
            return false;
    }
    return true;
}

static void encode_string(lua_State *L, int arg, cJSON *parent) {
    size_t length;
    const char *string = lua_tolstring(L, arg, &length);
    if (is_text(string, length)) {
        hang(parent, cJSON_CreateString(string));
        return;
    }
    luaL_Buffer hex;
    luaL_buffinit(L, &hex);
    for (size_t i = 0; i < length; i++) {
        char digits[3];
        snprintf(digits, sizeof digits, "%02x", (unsigned char)string[i]);
        luaL_addstring(&hex, digits);
    }
    luaL_pushresult(&hex);
    cJSON_AddStringToObject(hang(parent, cJSON_CreateObject()), "bytes", lua_tostring(L, -1));
    lua_pop(L, 1);
}

static void encode_number(lua_State *L, int arg, cJSON *parent) {
    double value = lua_tonumber(L, arg);
    char text[32];
    if (lua_isinteger(L, arg)) {
        snprintf(text, sizeof text, "%lld", (long long)lua_tointeger(L, arg));
        cJSON_AddStringToObject(hang(parent, cJSON_CreateObject()), "int", text);
    } else if (isfinite(value)) {
        hang(parent, cJSON_CreateNumber(value));
    } else {
        const char *word = isnan(value) ? "nan" : value > 0 ? "inf" : "-inf";
        cJSON_AddStringToObject(hang(parent, cJSON_CreateObject()), "float", word);
    }
}

/* What a walk over values carries. */
typedef struct Walk {
    Archive *archive;
    int seen; /* stack index of a table: table → its number (writing), number → table (reading) */
    int depth;
} Walk;

static void encode(lua_State *L, Walk walk, cJSON *parent);

/* The entries of the table on the stack's top. */
static void encode_entries(lua_State *L, Walk walk, cJSON *list) {
    walk.depth++;
    lua_pushnil(L);
    while (lua_next(L, -2)) {
        cJSON *entry = hang(list, cJSON_CreateArray());
        lua_pushvalue(L, -2);
        encode(L, walk, entry);
        lua_pop(L, 1);
        encode(L, walk, entry);
        lua_pop(L, 1);
    }
}

static void encode_table(lua_State *L, Walk walk, cJSON *parent) {
    cJSON *node = hang(parent, cJSON_CreateObject());
    lua_pushvalue(L, -1);
    bool known = lua_rawget(L, walk.seen) != LUA_TNIL;
    if (known)
        cJSON_AddNumberToObject(node, "seen", (double)lua_tointeger(L, -1));
    lua_pop(L, 1);
    if (known)
        return;
    lua_Integer number = (lua_Integer)lua_rawlen(L, walk.seen) + 1;
    lua_pushvalue(L, -1);
    lua_rawseti(L, walk.seen, number); /* the list part counts */
    lua_pushvalue(L, -1);
    lua_pushinteger(L, number);
    lua_rawset(L, walk.seen);
    encode_entries(L, walk, cJSON_AddArrayToObject(node, "table"));
}

/* The value on the stack's top. */
static void encode(lua_State *L, Walk walk, cJSON *parent) {
    int arg = lua_gettop(L);
    char got[128];
    luaL_checkstack(L, 8, "save: tables are nested too deeply");
    if (walk.depth > MAX_DEPTH)
        luaL_error(L, "save: tables are nested more than %d deep", MAX_DEPTH);
    switch (lua_type(L, arg)) {
    case LUA_TBOOLEAN:
        hang(parent, cJSON_CreateBool(lua_toboolean(L, arg)));
        break;
    case LUA_TNUMBER:
        encode_number(L, arg, parent);
        break;
    case LUA_TSTRING:
        encode_string(L, arg, parent);
        break;
    case LUA_TTABLE:
        encode_table(L, walk, parent);
        break;
    case LUA_TUSERDATA:
        encode_object(L, walk.archive, arg, parent);
        break;
    default:
        luaL_error(L, "save: %s cannot be kept in a file", bind_describe(L, arg, got));
    }
}

static bool write_archive(Archive *archive, const char *path, Error *err) {
    char *text = json_text(archive->root);
    bool ok = text ? tensors_set_text(&archive->tensors, metadata_key, text, err)
                   : error_memory(err, "save", 0);
    cJSON_free(text);
    return ok && tensors_save(&archive->tensors, path, err);
}

/* native.save_values(path, { name = value, … }) → path; raises on what cannot be kept. */
static int save_values(lua_State *L) {
    const char *path = bind_string(L, 1, "save", "path");
    luaL_checktype(L, 2, LUA_TTABLE);
    lua_settop(L, 2);
    lua_newtable(L);
    Walk walk = { .archive = new_archive(L), .seen = 3 };
    walk.archive->root = cJSON_CreateObject();
    cJSON_AddNumberToObject(walk.archive->root, "format", FORMAT);
    cJSON_AddItemToObject(walk.archive->root, "written_by", bind_header());
    cJSON *values = cJSON_AddArrayToObject(walk.archive->root, "values");
    lua_pushvalue(L, 2);
    encode(L, walk, values);
    Error err = { 0 };
    if (!write_archive(walk.archive, path, &err))
        return bind_raise(L, &err);
    lua_settop(L, 1);
    return 1;
}

/* ---- Reading --------------------------------------------------------------------------------- */

static int damaged(lua_State *L, const char *what) {
    return luaL_error(L, "restore: the file's description is damaged: %s", what);
}

static int raise_restore(lua_State *L, Error *err) {
    error_prefix(err, "restore");
    return bind_raise(L, err);
}

static void push_bytes(lua_State *L, const char *hex) {
    luaL_Buffer bytes;
    size_t length = strlen(hex);
    luaL_buffinit(L, &bytes);
    for (size_t i = 0; i + 1 < length; i += 2) {
        char pair[3] = { hex[i], hex[i + 1], 0 }, *end;
        luaL_addchar(&bytes, (char)strtol(pair, &end, 16));
        if (*end)
            damaged(L, "bytes that are not hex digits");
    }
    luaL_pushresult(&bytes);
}

static Dataset *dataset_of_part(const Tensors *part, Error *err) {
    const Array *x =
        tensors_require(part, (TensorName){ NULL, "x" }, (TensorForm){ DTYPE_F32, 2 }, err);
    const Array *y =
        tensors_require(part, (TensorName){ NULL, "y" }, (TensorForm){ DTYPE_I32, 1 }, err);
    const Array *sides =
        tensors_require(part, (TensorName){ NULL, "shape" }, (TensorForm){ DTYPE_F64, 1 }, err);
    const char *source = tensors_text(part, "source");
    size_t shape[ARRAY_MAX_DIMS];
    if (!x || !y || !sides)
        return NULL;
    size_t ndim = array_size(sides);
    bool fits = ndim >= 1 && ndim <= ARRAY_MAX_DIMS;
    for (size_t d = 0; fits && d < ndim; d++) {
        double side = array_f64(sides)[d];
        fits = side >= 1 && side <= 1e9 && side == floor(side);
        shape[d] = fits ? (size_t)side : 0;
    }
    if (!fits) {
        error_set(err, ERROR_FILE, "a dataset's shape is damaged");
        return NULL;
    }
    return dataset_new("a dataset", x, y, (int)ndim, shape, source ? source : "a file", err);
}

/* Push the object of `kind` that stands under `name`. The part is freed before anything raises. */
static void push_object(lua_State *L, const Archive *archive, const char *kind, const char *name) {
    static const char *const kinds[] = { "array", "dataset", "model", "result", NULL };
    Tensors part;
    Error err = { 0 };
    void *object = NULL;
    int k = 0;
    while (kinds[k] && strcmp(kinds[k], kind) != 0)
        k++;
    if (!kinds[k])
        damaged(L, "a value of a kind that is not known");
    if (!bundle_get(&archive->tensors, name, &part, &err))
        raise_restore(L, &err);
    if (k == 0) {
        const Array *value = tensors_find(&part, NULL, "value");
        object = value ? array_share(value, &err) : NULL;
        if (!value)
            error_set(&err, ERROR_FILE, "the file lacks the array \"%s\"", name);
    } else if (k == 1) {
        object = dataset_of_part(&part, &err);
    } else if (k == 2) {
        object = model_from(&part, &err);
    } else {
        object = attack_result_from(&part, &err);
    }
    tensors_clear(&part);
    if (!object)
        raise_restore(L, &err);
    if (k == 0)
        bind_push_array(L, object, &err);
    else if (k == 1)
        bind_push_dataset(L, object, &err);
    else if (k == 2)
        bind_push_model(L, object, &err);
    else
        bind_push_attack_result(L, object, &err);
}

static void decode(lua_State *L, Walk walk, const cJSON *node);

static void decode_table(lua_State *L, Walk walk, const cJSON *list) {
    const cJSON *entry;
    lua_newtable(L);
    lua_pushvalue(L, -1);
    lua_rawseti(L, walk.seen, (lua_Integer)lua_rawlen(L, walk.seen) + 1);
    walk.depth++;
    cJSON_ArrayForEach(entry, list) {
        if (!cJSON_IsArray(entry) || cJSON_GetArraySize(entry) != 2)
            damaged(L, "a table's entry is not a key and a value");
        decode(L, walk, entry->child);
        if (lua_isnil(L, -1) || (lua_isnumber(L, -1) && lua_tonumber(L, -1) != lua_tonumber(L, -1)))
            damaged(L, "a table's key is not one");
        decode(L, walk, entry->child->next);
        lua_rawset(L, -3);
    }
}

static void decode_seen(lua_State *L, Walk walk, const cJSON *number) {
    if (!cJSON_IsNumber(number) || lua_rawgeti(L, walk.seen, number->valueint) != LUA_TTABLE)
        damaged(L, "it refers to a table that is not there");
}

/* An object's only member says what it is. */
static void decode_tagged(lua_State *L, Walk walk, const cJSON *member) {
    if (!member || !member->string)
        damaged(L, "an empty value");
    if (strcmp(member->string, "table") == 0 && cJSON_IsArray(member))
        decode_table(L, walk, member);
    else if (strcmp(member->string, "seen") == 0)
        decode_seen(L, walk, member);
    else if (!cJSON_IsString(member))
        damaged(L, "a value without its text");
    else if (strcmp(member->string, "int") == 0)
        lua_pushinteger(L, strtoll(member->valuestring, NULL, 10));
    else if (strcmp(member->string, "float") == 0)
        lua_pushnumber(L, strtod(member->valuestring, NULL));
    else if (strcmp(member->string, "bytes") == 0)
        push_bytes(L, member->valuestring);
    else
        push_object(L, walk.archive, member->string, member->valuestring);
}

static void decode(lua_State *L, Walk walk, const cJSON *node) {
    luaL_checkstack(L, 8, "restore: tables are nested too deeply");
    if (walk.depth > MAX_DEPTH)
        damaged(L, "tables are nested too deeply");
    if (cJSON_IsBool(node))
        lua_pushboolean(L, cJSON_IsTrue(node));
    else if (cJSON_IsNumber(node))
        lua_pushnumber(L, node->valuedouble);
    else if (cJSON_IsString(node))
        lua_pushstring(L, node->valuestring);
    else if (cJSON_IsObject(node))
        decode_tagged(L, walk, node->child);
    else
        damaged(L, "a value of no known form");
}

/* native.restore_values(path) → { name = value, … }; raises on a file that is not whole. */
static int restore_values(lua_State *L) {
    const char *path = bind_string(L, 1, "restore", "path");
    lua_settop(L, 1);
    lua_newtable(L);
    Walk walk = { .archive = new_archive(L), .seen = 2 };
    Error err = { 0 };
    if (!tensors_load(&walk.archive->tensors, path, &err))
        return raise_restore(L, &err);
    const char *text = tensors_text(&walk.archive->tensors, metadata_key);
    if (!text)
        return luaL_error(L, "restore: %s was not written by save", path);
    walk.archive->root = cJSON_Parse(text);
    if (!json_check_format(walk.archive->root, "session", FORMAT, &err)) {
        error_prefix(&err, "%s", path);
        return raise_restore(L, &err);
    }
    const cJSON *values = cJSON_GetObjectItemCaseSensitive(walk.archive->root, "values");
    if (!cJSON_IsArray(values) || cJSON_GetArraySize(values) != 1)
        return damaged(L, "there are no values in it");
    decode(L, walk, values->child);
    if (!lua_istable(L, -1))
        return damaged(L, "there are no named values in it");
    return 1;
}

void bind_open_session(lua_State *L) {
    static const luaL_Reg functions[] = { { "save_values", save_values },
                                          { "restore_values", restore_values },
                                          { NULL, NULL } };
    bind_new_owner(L, &archive_type);
    luaL_setfuncs(L, functions, 0);
}
