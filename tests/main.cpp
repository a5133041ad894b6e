#define CATCH_CONFIG_RUNNER
#include "catch2.h"

int main(int argc, char** argv) { return Catch::Session().run(argc, argv); }
