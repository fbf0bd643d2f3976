#include <iostream>

#include "proxy/cli.h"
#include "proxy/feed/remove_triggers.h"
#include "proxy/migrate/load.h"
#include "proxy/migrate/preflight.h"
#include "proxy/serve/server.h"

int main(int argc, char** argv) {
  return crossfade::proxy::run_cli(argc, argv,
                                   {.version = CROSSFADE_VERSION,
                                    .out = std::cout,
                                    .err = std::cerr,
                                    .serve = crossfade::proxy::serve,
                                    .remove_triggers = crossfade::proxy::remove_triggers,
                                    .preflight = crossfade::proxy::preflight,
                                    .load = crossfade::proxy::load});
}
