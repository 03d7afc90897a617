#define GET_OP_DEFS_2
#include "OpsShard.h"
