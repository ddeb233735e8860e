/* idx.h and mnist.h: plain and packed files of a few bytes, what must be refused, MNIST itself. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "core/array.h"
#include "core/error.h"
#include "data/idx.h"
#include "data/mnist.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

/* Two images of 1 × 3, and their labels. */
static const unsigned char images[] = { 0, 0, 8, 3, 0, 0, 0,  2,   0, 0, 0,
                                        1, 0, 0, 0, 3, 0, 51, 255, 1, 2, 128 };
static const unsigned char labels[] = { 0, 0, 8, 1, 0, 0, 0, 2, 9, 4 };

/* Packed as gzip does; the size. */
static size_t pack(const unsigned char *bytes, size_t size, unsigned char *out, size_t room) {
    z_stream z = { .next_in = (unsigned char *)bytes,
                   .avail_in = (unsigned)size,
                   .next_out = out,
                   .avail_out = (unsigned)room };
    assert_int_equal(deflateInit2(&z, 9, Z_DEFLATED, 16 + MAX_WBITS, 8, Z_DEFAULT_STRATEGY), Z_OK);
    assert_int_equal(deflate(&z, Z_FINISH), Z_STREAM_END);
    deflateEnd(&z);
    return room - z.avail_out;
}

static void check_images(Array *a) {
    assert_non_null(a);
    assert_int_equal(a->ndim, 3);
    assert_int_equal(a->shape[0], 2);
    assert_int_equal(a->shape[2], 3);
    const float expected[6] = { 0, 0.2f, 1, 1 / 255.0f, 2 / 255.0f, 128 / 255.0f };
    assert_memory_equal(array_f32(a), expected, sizeof expected);
    array_free(a);
}

static void test_plain(void **state) {
    (void)state;
    Error err = { 0 };
    check_images(idx_parse_samples("a", images, sizeof images, &err));
    Array *y = idx_parse_labels("a", labels, sizeof labels, &err);
    assert_non_null(y);
    assert_true(array_i32(y)[0] == 9 && array_i32(y)[1] == 4);
    array_free(y);
}

static void test_packed(void **state) {
    (void)state;
    Error err = { 0 };
    unsigned char gz[256];
    size_t size = pack(images, sizeof images, gz, sizeof gz);
    check_images(idx_parse_samples("a.gz", gz, size, &err));
    /* a file in two members, as concatenated gzip files are */
    size = pack(images, 10, gz, sizeof gz);
    size += pack(images + 10, sizeof images - 10, gz + size, sizeof gz - size);
    check_images(idx_parse_samples("a.gz", gz, size, &err));
}

/* The second member's first byte is the last of the 65536 that are read by then, behind zeros. */
static void test_members_across_a_chunk(void **state) {
    (void)state;
    Error err = { 0 };
    enum { BEFORE = 65535, ROOM = BEFORE + 256 };
    unsigned char *gz = calloc(ROOM, 1);
    assert_non_null(gz);
    pack(images, 10, gz, BEFORE);
    size_t size = BEFORE + pack(images + 10, sizeof images - 10, gz + BEFORE, ROOM - BEFORE);
    check_images(idx_parse_samples("a.gz", gz, size, &err));
    free(gz);
}

static void test_other_types(void **state) {
    (void)state;
    Error err = { 0 };
    const unsigned char shorts[] = { 0, 0, 11, 2, 0, 0, 0, 1, 0, 0, 0, 2, 0xff, 0xfe, 1, 0 };
    const unsigned char doubles[] = { 0, 0, 14,   2,    0, 0, 0, 1, 0, 0,
                                      0, 1, 0x3f, 0xf8, 0, 0, 0, 0, 0, 0 };
    const unsigned char ints[] = { 0, 0, 12, 1, 0, 0, 0, 1, 0xff, 0xff, 0xff, 0xff };
    Array *a = idx_parse_samples("a", shorts, sizeof shorts, &err);
    assert_non_null(a);
    assert_true(array_f32(a)[0] == -2 && array_f32(a)[1] == 256);
    array_free(a);
    a = idx_parse_samples("a", doubles, sizeof doubles, &err);
    assert_non_null(a);
    assert_true(array_f32(a)[0] == 1.5f);
    array_free(a);
    a = idx_parse_labels("a", ints, sizeof ints, &err);
    assert_non_null(a);
    assert_int_equal(array_i32(a)[0], -1);
    array_free(a);
}

static void refused(const unsigned char *bytes, size_t size, bool samples, const char *message) {
    Error err = { 0 };
    /* an exact copy, so that AddressSanitizer sees a read beyond the end */
    unsigned char *copy = malloc(size ? size : 1);
    memcpy(copy, bytes, size);
    assert_null(samples ? idx_parse_samples("a", copy, size, &err)
                        : idx_parse_labels("a", copy, size, &err));
    free(copy);
    assert_int_equal(err.kind, ERROR_FILE);
    assert_string_equal(err.message, message);
}

static void test_refusals(void **state) {
    (void)state;
    unsigned char bad[64];
    refused(images, sizeof images - 1, true,
            "a: truncated: shape (2, 1, 3) needs more than the 5 bytes there are");
    refused(images, 9, true, "a: truncated in the IDX header");
    refused(images, 0, true, "a: not an IDX file: it is empty");
    refused(labels, sizeof labels, true, "a: an IDX file of labels (1 dimension), not of samples");
    refused(images, sizeof images, false,
            "a: an IDX file of 3 dimensions of integers; labels are 1 dimension of integers");
    refused((const unsigned char *)"PK\3\4 and more", 13, true, "a: not an IDX file");
    memcpy(bad, images, sizeof images);
    memset(bad + sizeof images, 0, 3);
    refused(bad, sizeof images + 3, true,
            "a: 3 bytes too many after the elements of shape (2, 1, 3)");
    memset(bad + 4, 0xff, 12);
    refused(bad, sizeof images, true,
            "a: truncated: shape (4294967295, 4294967295, 4294967295) needs more than the 6 bytes "
            "there are");
    bad[3] = 9;
    refused(bad, sizeof images, true, "a: an IDX file of 9 dimensions; 1 to 8 are read");
    bad[2] = 10;
    refused(bad, sizeof images, true, "a: not an IDX file");
}

static void test_packed_refusals(void **state) {
    (void)state;
    unsigned char gz[256], large[sizeof images];
    size_t size = pack(images, sizeof images, gz, sizeof gz);
    refused(gz, size - 1, true, "a: truncated gzip stream");
    refused(gz, 12, true, "a: truncated gzip stream");
    refused(gz, 2, true, "a: truncated gzip stream");
    gz[size] = 7;
    refused(gz, size + 1, true, "a: bytes too many after the elements");
    gz[size - 6] ^= 1;
    refused(gz, size, true, "a: corrupt gzip stream (incorrect data check)");
    size = pack(images, sizeof images - 2, gz, sizeof gz);
    refused(gz, size, true, "a: truncated in the elements");
    memcpy(large, images, sizeof images); /* a header that claims terabytes: refused unallocated */
    memset(large + 5, 0xff, 2);
    memset(large + 9, 0xff, 2);
    size = pack(large, sizeof large, gz, sizeof gz);
    Error err = { 0 };
    assert_null(idx_parse_samples("a", gz, size, &err));
    assert_int_equal(err.kind, ERROR_FILE);
    assert_non_null(strstr(err.message, "a: truncated: shape (16776962, 16776961, 3)"));
}

/* ---- MNIST's folders ------------------------------------------------------------------------- */

static char folder[] = "/tmp/perigee-mnist-XXXXXX";

static void write_file(const char *name, const void *bytes, size_t size) {
    char path[256];
    snprintf(path, sizeof path, "%s/mnist/%s", folder, name);
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    fwrite(bytes, 1, size, file);
    fclose(file);
}

static void remove_file(const char *name) {
    char path[256];
    snprintf(path, sizeof path, "%s/mnist/%s", folder, name);
    assert_int_equal(unlink(path), 0);
}

/* A test set of `n` images and `labelled` labels, the last of them `label`. */
static void write_set(size_t n, size_t labelled, unsigned char label) {
    unsigned char x[16 + 3 * 784] = { 0, 0, 8, 3,  0, 0, 0, (unsigned char)n,
                                      0, 0, 0, 28, 0, 0, 0, 28 };
    unsigned char y[8 + 3] = { 0, 0, 8, 1, 0, 0, 0, (unsigned char)labelled };
    y[8 + labelled - 1] = label;
    write_file("t10k-images-idx3-ubyte", x, 16 + n * 784);
    write_file("t10k-labels.idx1-ubyte", y, 8 + labelled);
}

static void test_mnist_folder(void **state) {
    (void)state;
    Error err = { 0 };
    char path[256], found[MNIST_PATH], expected[512], *old = getenv("PERIGEE_DATA");
    char *keep = old ? strdup(old) : NULL;
    assert_non_null(mkdtemp(folder));
    snprintf(path, sizeof path, "%s/mnist", folder);
    assert_int_equal(mkdir(path, 0777), 0);
    setenv("PERIGEE_DATA", folder, 1);
    setenv("XDG_DATA_HOME", "/nonexistent", 1);
    assert_false(mnist_find(MNIST_TRAIN, found, &err));
    snprintf(expected, sizeof expected,
             "MNIST's training files are not in %s/mnist, data/mnist, /nonexistent/perigee/mnist; "
             "scripts/get-mnist downloads them",
             folder);
    assert_string_equal(err.message, expected);
    write_set(2, 2, 9);
    assert_true(mnist_find(MNIST_TEST, found, &err));
    assert_string_equal(found, path);
    Dataset *ds = mnist_load(MNIST_TEST, &err);
    assert_non_null(ds);
    assert_string_equal(ds->source, "MNIST test");
    dataset_free(ds);
    write_set(2, 2, 10);
    assert_null(mnist_load(MNIST_TEST, &err));
    assert_non_null(strstr(err.message, "t10k-labels.idx1-ubyte: label 2 is 10, outside 0 to 9"));
    write_set(2, 3, 1);
    assert_null(mnist_load(MNIST_TEST, &err));
    assert_non_null(strstr(err.message, "t10k-images-idx3-ubyte holds 2 samples, "));
    assert_non_null(strstr(err.message, "t10k-labels.idx1-ubyte 3 labels"));
    write_set(3, 2, 1);
    assert_null(mnist_load(MNIST_TEST, &err));
    assert_non_null(strstr(err.message, "t10k-images-idx3-ubyte holds 3 samples, "));
    write_file("t10k-images-idx3-ubyte", images, sizeof images);
    write_file("t10k-labels.idx1-ubyte", labels, sizeof labels);
    assert_null(mnist_load(MNIST_TEST, &err));
    assert_non_null(strstr(err.message, "samples of shape (1, 3); MNIST's are (28, 28)"));
    remove_file("t10k-images-idx3-ubyte");
    remove_file("t10k-labels.idx1-ubyte");
    rmdir(path);
    rmdir(folder);
    keep ? setenv("PERIGEE_DATA", keep, 1) : unsetenv("PERIGEE_DATA");
    free(keep);
}

static void test_mnist_itself(void **state) {
    (void)state;
    Error err = { 0 };
    char found[MNIST_PATH];
    if (!mnist_find(MNIST_TEST, found, &err))
        skip();
    Dataset *ds = mnist_load(MNIST_TEST, &err);
    assert_non_null(ds);
    assert_int_equal(dataset_count(ds), 10000);
    assert_int_equal(ds->classes.count, 10);
    assert_int_equal(array_i32(ds->y)[0], 7);
    assert_int_equal(array_i32(ds->y)[10], 0);
    assert_true(array_f32(dataset_x(ds))[28 * 7 + 6] == 84 / 255.0f);
    dataset_free(ds);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_plain),
        cmocka_unit_test(test_packed),
        cmocka_unit_test(test_members_across_a_chunk),
        cmocka_unit_test(test_other_types),
        cmocka_unit_test(test_refusals),
        cmocka_unit_test(test_packed_refusals),
        cmocka_unit_test(test_mnist_folder),
        cmocka_unit_test(test_mnist_itself),
    };
    return cmocka_run_group_tests_name("idx", tests, NULL, NULL);
}
