#include "fuzz.h"

#include "core/array.h"
#include "core/json.h"
#include "data/safetensors.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include <zlib.h>

bool fuzz_unguarded;

const char *fuzz_file(const uint8_t *bytes, size_t size) {
    static int file = -1;
    static char path[64];
    if (file < 0) {
        file = memfd_create("fuzz", MFD_CLOEXEC);
        snprintf(path, sizeof path, "/proc/self/fd/%d", file);
    }
    if (file < 0 || ftruncate(file, 0) != 0 || pwrite(file, bytes, size, 0) != (ssize_t)size)
        abort();
    return path;
}

static uint32_t word_at(const uint8_t *bytes) {
    return bytes[0] | (uint32_t)bytes[1] << 8 | (uint32_t)bytes[2] << 16 | (uint32_t)bytes[3] << 24;
}

static void put_word(uint8_t *bytes, uint32_t word, bool big) {
    for (int i = 0; i < 4; i++)
        bytes[i] = (uint8_t)(word >> 8 * (big ? 3 - i : i));
}

/* ---- JSON ------------------------------------------------------------------------------------ */

static size_t count_nodes(const cJSON *node) {
    size_t count = 1;
    for (const cJSON *child = node->child; child; child = child->next)
        count += count_nodes(child);
    return count;
}

static cJSON *find_node(cJSON *node, size_t *at) {
    if ((*at)-- == 0)
        return node;
    for (cJSON *child = node->child; child; child = child->next) {
        cJSON *found = find_node(child, at);
        if (found)
            return found;
    }
    return NULL;
}

static cJSON *any_node(cJSON *root) {
    size_t at = (size_t)rand() % count_nodes(root);
    return find_node(root, &at);
}

static cJSON *odd_value(void) {
    static const double odd[] = { 0,       1,    -1,         2,          3,        0.5, 1e-300,
                                  1e300,   1e9,  2147483647, 2147483648, 65536,    1e5, -0.0,
                                  1 << 24, 4e18, 1.8e19,     -2e9,       16777217, 1e4, 7 };
    size_t which = (size_t)rand() % (sizeof odd / sizeof *odd + 5);
    switch (which) {
    case 0:
        return cJSON_CreateNull();
    case 1:
        return cJSON_CreateString("");
    case 2:
        return cJSON_CreateArray();
    case 3:
        return cJSON_CreateObject();
    case 4:
        return cJSON_CreateBool(rand() % 2);
    default:
        return cJSON_CreateNumber(odd[which - 5]);
    }
}

/* Put `item` in the node's place, under its name. */
static void replace(cJSON *node, cJSON *item) {
    cJSON before = *node;
    node->child = item->child;
    node->type = item->type;
    node->valuestring = item->valuestring;
    node->valueint = item->valueint;
    node->valuedouble = item->valuedouble;
    item->child = before.child;
    item->type = before.type;
    item->valuestring = before.valuestring;
    cJSON_Delete(item);
}

static void drop_child(cJSON *node) {
    int count = cJSON_GetArraySize(node);
    if (count > 0)
        cJSON_Delete(cJSON_DetachItemFromArray(node, rand() % count));
}

static void double_child(cJSON *node) {
    int count = cJSON_GetArraySize(node);
    cJSON *child = count > 0 ? cJSON_GetArrayItem(node, rand() % count) : NULL;
    if (cJSON_IsArray(node) && child)
        cJSON_AddItemToArray(node, cJSON_Duplicate(child, true));
}

static char *mutate_json(const char *text, unsigned seed) {
    cJSON *root = cJSON_Parse(text);
    if (!root)
        return NULL;
    srand(seed);
    for (int i = rand() % 3; i >= 0; i--) {
        cJSON *node = any_node(root), *other = any_node(root);
        switch (rand() % 4) {
        case 0:
            replace(node, odd_value());
            break;
        case 1:
            replace(node, cJSON_Duplicate(other, true));
            break;
        case 2:
            drop_child(node);
            break;
        default:
            double_child(node);
        }
    }
    char *changed = json_text(root);
    cJSON_Delete(root);
    return changed;
}

/* The text with libFuzzer's mutations; NULL without memory. */
static char *mutate_text(const char *text) {
    size_t length = strlen(text), most = length + 256;
    char *changed = malloc(most + 1);
    if (!changed)
        return NULL;
    memcpy(changed, text, length);
    length = LLVMFuzzerMutate((uint8_t *)changed, length, most);
    changed[length] = '\0'; /* it ends at a NUL of its own, too */
    return changed;
}

/* ---- safetensors ----------------------------------------------------------------------------- */

static size_t mutate_header(uint8_t *bytes, size_t size, size_t most) {
    size_t header = size >= 8 ? word_at(bytes) : 0;
    if (header == 0 || header > size - 8)
        return LLVMFuzzerMutate(bytes, size, most);
    size_t rest = size - 8 - header, room = most > 8 + rest ? most - 8 - rest : header;
    uint8_t *text = malloc(room > header ? room : header), *behind = malloc(rest + 1);
    if (!text || !behind)
        abort();
    memcpy(text, bytes + 8, header);
    memcpy(behind, bytes + 8 + header, rest);
    header = LLVMFuzzerMutate(text, header, room);
    put_word(bytes, (uint32_t)header, false);
    memcpy(bytes + 8, text, header);
    memcpy(bytes + 8 + header, behind, rest);
    free(text);
    free(behind);
    return 8 + header + rest;
}

static char *changed_text(const Tensors *tensors, unsigned seed) {
    if (tensors->text_count == 0)
        return NULL;
    const char *text = tensors->text[seed / 8 % tensors->text_count].value;
    char *changed = seed % 2 ? mutate_json(text, seed) : NULL;
    return changed ? changed : mutate_text(text);
}

static size_t mutate_description(uint8_t *bytes, size_t size, size_t most, unsigned seed) {
    Tensors tensors;
    FileBytes out = { 0 };
    Error err = { 0 };
    tensors_init(&tensors);
    if (!tensors_parse("fuzz", bytes, size, &tensors, &err))
        return mutate_header(bytes, size, most);
    char *text = changed_text(&tensors, seed);
    bool ok =
        text &&
        tensors_set_text(&tensors, tensors.text[seed / 8 % tensors.text_count].key, text, &err) &&
        tensors_pack(&tensors, "fuzz", &out, &err) && out.size <= most;
    size = ok ? out.size : mutate_header(bytes, size, most);
    if (ok)
        memcpy(bytes, out.bytes, size);
    file_bytes_free(&out);
    free(text);
    tensors_clear(&tensors);
    return size;
}

/* One element in many is of these: what readers of indices, counts and numbers have to refuse. */
static double odd_number(void) {
    static const double odd[] = { NAN,   INFINITY,   -INFINITY,     -1, 0, 1, 2, 1e30,
                                  -1e30, 2147483647, -2147483648.0, 0.5 };
    return odd[(size_t)rand() % (sizeof odd / sizeof *odd)];
}

static void put_odd(const TensorValues *to, size_t count) {
    for (size_t times = (size_t)rand() % 3; count > 0 && times > 0; times--) {
        size_t i = (size_t)rand() % count;
        double x = odd_number();
        if (to->dtype == DTYPE_F32)
            ((float *)to->values)[i] = (float)x;
        else if (to->dtype == DTYPE_F64)
            ((double *)to->values)[i] = x;
        else
            ((int32_t *)to->values)[i] = x >= -2147483648.0 && x <= 2147483647 ? (int32_t)x : -7;
    }
}

/* A side more or less, longer, shorter or none. */
static int mutate_shape(size_t shape[ARRAY_MAX_DIMS], int ndim) {
    int k = ndim > 0 ? rand() % ndim : 0;
    switch (rand() % 6) {
    case 0:
        if (ndim > 0)
            shape[k] += (size_t)rand() % 3 + 1;
        return ndim;
    case 1:
        if (ndim > 0 && shape[k] > 0)
            shape[k] -= 1;
        return ndim;
    case 2:
        if (ndim > 0)
            shape[k] = 0;
        return ndim;
    case 3:
        if (ndim < ARRAY_MAX_DIMS)
            shape[ndim++] = 1;
        return ndim;
    case 4:
        return ndim > 1 ? ndim - 1 : ndim;
    default:
        return ndim;
    }
}

/* Another array in the place of this one: of its elements as far as they go. */
static bool add_mutated(Tensors *to, const char *name, const Array *from, Error *err) {
    static const DType types[] = { DTYPE_F32, DTYPE_F64, DTYPE_I32 };
    size_t shape[ARRAY_MAX_DIMS] = { 0 }, count = 1;
    memcpy(shape, from->shape, (size_t)from->ndim * sizeof *shape);
    int ndim = mutate_shape(shape, from->ndim);
    for (int k = 0; k < ndim; k++)
        count *= shape[k];
    if (count > 100000)
        return tensors_add(to, (TensorName){ NULL, name }, from, err);
    void *values = calloc(count + 1, sizeof(double));
    if (!values)
        abort();
    DType dtype = rand() % 4 ? from->dtype : types[rand() % 3];
    TensorValues mutated = { dtype, values, ndim, shape };
    if (dtype == from->dtype && count > 0) {
        size_t bytes = array_bytes(from), most = count * (dtype == DTYPE_F64 ? 8 : 4);
        memcpy(values, from->data, bytes < most ? bytes : most);
    }
    put_odd(&mutated, count);
    bool ok = tensors_add_values(to, (TensorName){ NULL, name }, &mutated, err);
    free(values);
    return ok;
}

/* Another array in one place, or none there. */
static size_t mutate_array(uint8_t *bytes, size_t size, size_t most, unsigned seed) {
    Tensors from, to;
    FileBytes out = { 0 };
    Error err = { 0 };
    tensors_init(&from);
    tensors_init(&to);
    srand(seed);
    bool ok = tensors_parse("fuzz", bytes, size, &from, &err) && from.count > 0;
    size_t chosen = ok ? (size_t)rand() % from.count : 0;
    bool drop = rand() % 8 == 0;
    for (size_t i = 0; ok && i < from.count; i++) {
        const char *name = from.entry[i].name;
        if (i != chosen)
            ok = tensors_add(&to, (TensorName){ NULL, name }, from.entry[i].array, &err);
        else if (!drop)
            ok = add_mutated(&to, name, from.entry[i].array, &err);
    }
    for (size_t i = 0; ok && i < from.text_count; i++)
        ok = tensors_set_text(&to, from.text[i].key, from.text[i].value, &err);
    ok = ok && tensors_pack(&to, "fuzz", &out, &err) && out.size <= most;
    if (ok)
        memcpy(bytes, out.bytes, size = out.size);
    file_bytes_free(&out);
    tensors_clear(&from);
    tensors_clear(&to);
    return ok ? size : mutate_header(bytes, size, most);
}

size_t fuzz_mutate_tensors(uint8_t *bytes, size_t size, size_t most, unsigned seed) {
    switch (seed % 8) {
    case 0:
        return LLVMFuzzerMutate(bytes, size, most);
    case 1:
        return mutate_header(bytes, size, most);
    case 2:
    case 3:
    case 4:
        return mutate_array(bytes, size, most, seed / 8);
    default:
        return mutate_description(bytes, size, most, seed / 8);
    }
}

/* ---- Packed files ---------------------------------------------------------------------------- */

static size_t unpack(const uint8_t *bytes, size_t size, uint8_t *out, size_t most) {
    z_stream z = { .next_in = (Bytef *)bytes, .avail_in = (uInt)size, .next_out = out };
    z.avail_out = (uInt)most;
    if (inflateInit2(&z, 31) != Z_OK)
        return 0;
    inflate(&z, Z_FINISH);
    inflateEnd(&z);
    return most - z.avail_out;
}

static size_t pack(const uint8_t *bytes, size_t size, uint8_t *out, size_t most) {
    z_stream z = { .next_in = (Bytef *)bytes, .avail_in = (uInt)size, .next_out = out };
    z.avail_out = (uInt)most;
    if (deflateInit2(&z, 1, Z_DEFLATED, 31, 8, Z_DEFAULT_STRATEGY) != Z_OK)
        return 0;
    int status = deflate(&z, Z_FINISH);
    deflateEnd(&z);
    return status == Z_STREAM_END ? most - z.avail_out : 0;
}

size_t fuzz_mutate_gzip(uint8_t *bytes, size_t size, size_t most, unsigned seed) {
    size_t room = 4 * most;
    uint8_t *plain =
        seed % 2 && size > 2 && bytes[0] == 0x1f && bytes[1] == 0x8b ? malloc(room) : NULL;
    if (!plain)
        return LLVMFuzzerMutate(bytes, size, most);
    size_t length = unpack(bytes, size, plain, room);
    length = LLVMFuzzerMutate(plain, length, room);
    length = pack(plain, length, bytes, most);
    free(plain);
    return length ? length : 1;
}

size_t fuzz_mutate_png(uint8_t *bytes, size_t size, size_t most, unsigned seed) {
    size = LLVMFuzzerMutate(bytes, size, most);
    if (seed % 4 == 0 || size < 8 || bytes[0] != 0x89)
        return size;
    for (size_t at = 8; size - at >= 12;) {
        size_t length =
            (size_t)bytes[at] << 24 | bytes[at + 1] << 16 | bytes[at + 2] << 8 | bytes[at + 3];
        if (length > size - at - 12)
            break;
        put_word(bytes + at + 8 + length, (uint32_t)crc32(0, bytes + at + 4, (uInt)length + 4),
                 true);
        at += length + 12;
    }
    return size;
}

/* A member of the directory at `entry` whose bytes are stored. */
static void mend_member(uint8_t *bytes, size_t size, uint8_t *entry) {
    size_t at = word_at(entry + 42), length = word_at(entry + 20);
    if (size < 30 || at > size - 30 || memcmp(bytes + at, "PK\3\4", 4) != 0)
        return;
    size_t from =
        at + 30 + (bytes[at + 26] | bytes[at + 27] << 8) + (bytes[at + 28] | bytes[at + 29] << 8);
    if (from > size || length > size - from)
        return;
    uint32_t sum = (uint32_t)crc32(0, bytes + from, (uInt)length);
    put_word(entry + 16, sum, false);
    put_word(bytes + at + 14, sum, false);
}

size_t fuzz_mutate_zip(uint8_t *bytes, size_t size, size_t most, unsigned seed) {
    size = LLVMFuzzerMutate(bytes, size, most);
    if (seed % 4 == 0)
        return size;
    for (size_t at = 0; size >= 46 && at <= size - 46; at++)
        if (memcmp(bytes + at, "PK\1\2", 4) == 0 && bytes[at + 10] == 0)
            mend_member(bytes, size, bytes + at);
    return size;
}
