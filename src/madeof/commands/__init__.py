"""The commands of the command line: each module adds its parser and runs it. Heavy imports happen in the running."""

from madeof.commands import (
    batch,
    calibrate,
    combine,
    convert,
    demo,
    evaluate,
    explain,
    export,
    import_weights,
    inspect,
    learn,
    map,
    predict,
    serve,
    train,
)

COMMANDS = (
    predict.add_parser,
    batch.add_parser,
    map.add_parser,
    explain.add_parser,
    train.add_parser,
    evaluate.add_parser,
    calibrate.add_parser,
    learn.add_parser,
    convert.add_parser,
    inspect.add_parser,
    import_weights.add_parser,
    combine.add_parser,
    export.add_parser,
    serve.add_parser,
    demo.add_parser,
)
