#include "base/processor.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#define CORE(implementer, variant, part)                                                                     \
    "processor\t: 0\nBogoMIPS\t: 108.00\nFeatures\t: fp asimd evtstrm crc32 cpuid\nCPU "                     \
    "implementer\t: " implementer "\nCPU architecture: 8\nCPU variant\t: " variant "\nCPU part\t: " part     \
    "\nCPU revision\t: 3\n\n"

static const struct {
    const char *cpuinfo, *name;
} examples[] = {
    {"processor\t: 0\nvendor_id\t: GenuineIntel\nmodel name\t: Some Processor @ 2.00GHz\nmodel\t\t: 143\n",
     "Some Processor @ 2.00GHz"},
    {CORE("0x41", "0x0", "0xd08") CORE("0x41", "0x0", "0xd08"),
     "ARM implementer 0x41 part 0xd08 variant 0x0"},
    {CORE("0x41", "0x1", "0xd08"), "ARM implementer 0x41 part 0xd08 variant 0x1"},
    /* two kinds of cores, of which the first is another board's only one */
    {CORE("0x41", "0x0", "0xd03") CORE("0x41", "0x0", "0xd08"),
     "ARM implementer 0x41 part 0xd03 variant 0x0, ARM implementer 0x41 part 0xd08 variant 0x0"},
    {"processor\t: 0\nmodel name\t: ARMv7 Processor rev 4 (v7l)\nCPU implementer\t: 0x41\nCPU variant\t: "
     "0x0\n"
     "CPU part\t: 0xd03\n",
     "ARM implementer 0x41 part 0xd03 variant 0x0"},
    {"processor\t: 0\nhart\t\t: 2\n", ""},
};

static void test_names(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof examples / sizeof examples[0]; i++) {
        char name[256] = "untouched";
        FILE *file = fmemopen((void *)(uintptr_t)examples[i].cpuinfo, strlen(examples[i].cpuinfo), "r");
        assert_non_null(file);
        assert_int_equal(processor_name_read(file, name, sizeof name), examples[i].name[0] != '\0');
        assert_string_equal(name, examples[i].name);
        fclose(file);
    }
}

static void test_short_memory(void **state) {
    (void)state;
    static const char cpuinfo[] = CORE("0x41", "0x0", "0xd03") CORE("0x41", "0x0", "0xd08");
    for (size_t size = 1; size < 100; size++) {
        char name[101];
        memset(name, 'x', sizeof name);
        FILE *file = fmemopen((void *)(uintptr_t)cpuinfo, strlen(cpuinfo), "r");
        assert_non_null(file);
        processor_name_read(file, name, size);
        fclose(file);
        assert_true(strlen(name) < size);
        assert_int_equal(name[size], 'x');
    }
}

static void test_this_machine(void **state) {
    (void)state;
    char name[256];
    print_message("%s\n", processor_name(name, sizeof name));
    assert_true(strlen(name) > 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_names),
        cmocka_unit_test(test_short_memory),
        cmocka_unit_test(test_this_machine),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
