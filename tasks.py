"""The verbs. Each is a thin task: flags in, one call, lines out. `./inv VERB --help` shows a verb's flags.

The bare word after a verb (`run-suite quick`) stands for the option named by `bare_word`; see sparkbed/program.py.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from invoke import Context, task
from invoke.exceptions import Exit


def verb(
    bare_word: str | None = None,
    rest: str | None = None,
    short: Mapping[str, str] | None = None,
    elsewhere: Sequence[str] = (),
    several: bool = False,
    **options: Any,
) -> Callable[[Any], Any]:
    """An Invoke task that also says what its bare word and what follows `--` stand for.

    `short` are its short flags where they are not the first letters, `elsewhere` flags that only Ansible has; with
    `several` the bare word may stand more than once.
    """

    def make(function: Any) -> Any:
        made = task(**options)(function)
        made.bare_word, made.rest, made.short, made.elsewhere = bare_word, rest, short, elsewhere
        made.several = several
        return made

    return make


PROFILE = "how big: tiny, small, medium, large or paper, where the suite has it"


@task
def doctor(_c: Context) -> None:
    """What this machine can run, what is missing, and the command that installs it. Example: ./inv doctor"""
    from sparkbed import doctor as room
    from sparkbed.table import table

    findings = room.examine()
    rows = [[f.name, "yes" if f.found else "no", f.detail, f.used_for, "" if f.found else f.install] for f in findings]
    table(["component", "here", "what was seen", "used for", "how to get it"], rows)
    if not room.able(findings):
        raise Exit("The default run can't work yet: install what is missing above.", code=1)
    print("The default run works here: ./inv run-suite")


@verb("what", help={"what": "suites, workloads, platforms, nodes or inventories; all of them if absent"}, name="list")
def list_(_c: Context, what: str = "") -> None:
    """What there is to run: suites, workloads with their parameters, platforms, node kinds, inventories.

    Example: ./inv list workloads
    """
    from sparkbed.verbs import listing

    listing.show(what)


@verb(
    "inventory",
    help={
        "inventory": "a name in inventories/, or a path (default: local)",
        "dry-run": "print every call that would be made, and make none that changes anything",
    },
)
def provision(_c: Context, inventory: str = "local", dry_run: bool = False) -> None:
    """Make (or adopt) an inventory's hosts, and leave them up until `inv teardown`. Idempotent.

    Example: ./inv provision ec2 --dry-run
    """
    from sparkbed.verbs import hosts

    hosts.provision(inventory, dry_run)


_words = str.split
PLAY_LETTERS = dict(
    pair.split("=") for pair in _words("C=check D=diff e=extra-vars f=forks i=inventory l=limit t=tags v=verbose")
)
ONLY_ANSIBLES = _words(
    "ask-become-pass ask-pass ask-vault-password become become-method become-password-file become-user connection"
    " flush-cache force-handlers module-path private-key ssh-common-args step timeout user vault-id vault-password-file"
)


@verb(
    "playbook",
    short=PLAY_LETTERS,
    elsewhere=ONLY_ANSIBLES,
    auto_shortflags=False,
    iterable=["extra_vars"],
    incrementable=["verbose"],
    help={
        "playbook": "the playbook's path",
        "inventory": "-i: whose hosts; they must be provisioned, or exist already (default: local)",
        "check": "-C: change nothing, say what would change",
        "diff": "-D: show what changes inside files",
        "tags": "-t: only tasks with one of these tags (comma separated)",
        "skip-tags": "no tasks with one of these tags",
        "limit": "-l: only hosts that match this pattern",
        "start-at-task": "begin at the task of this name",
        "list-tasks": "list the tasks and run none",
        "list-tags": "list the tags and run nothing",
        "list-hosts": "list each play's hosts and run nothing",
        "syntax-check": "read and check the playbook, and run nothing",
        "forks": "-f: how many hosts at once",
        "extra-vars": "-e: key=value, a JSON or YAML mapping, or @FILE; may be given several times",
        "verbose": "-v: results too; -vv: places and notifications; -vvv: connections and arguments",
    },
)
def play(
    _c: Context,
    playbook: str = "",
    inventory: str = "local",
    check: bool = False,
    diff: bool = False,
    tags: str = "",
    skip_tags: str = "",
    limit: str = "",
    start_at_task: str = "",
    list_tasks: bool = False,
    list_tags: bool = False,
    list_hosts: bool = False,
    syntax_check: bool = False,
    forks: int = 50,
    extra_vars: list[str] | None = None,
    verbose: int = 0,
) -> None:
    """Run one playbook on an inventory's hosts. The short flags are Ansible's: -C -D -e -f -i -l -t -v.

    Example: ./inv play playbooks/standalone/start.yml --check --diff
    """
    from sparkbed.verbs import playing

    lists = playing.Lists(hosts=list_hosts, tasks=list_tasks, tags=list_tags, nothing=syntax_check)
    options = playing.PlayOptions(
        check, diff, tags, skip_tags, limit, start_at_task, lists, forks, extra_vars or [], verbose
    )
    playing.play(playbook, inventory, options)


SUITE_HELP = {
    "suite": "a name in suites/, or a path (default: quick)",
    "inventory": "run on this inventory instead of the suite's",
    "profile": PROFILE,
    "trials": "how many trials a cell",
    "only": "only cells whose label matches, as in 'layout=two*' or '*agg*'",
    "set": "key=value laid over the suite, as in settings.executor_memory=1g; may be given several times",
}


@verb("suite", iterable=["set"], help=SUITE_HELP)
def plan(
    _c: Context,
    suite: str = "quick",
    inventory: str = "",
    profile: str = "",
    trials: int = 0,
    only: str = "",
    set: list[str] | None = None,  # the flag's name, --set, as the design has it
) -> None:
    """What a suite would run, in which order, and roughly how long. Runs nothing.

    Example: ./inv plan quick --trials 3
    """
    from sparkbed.assembly import SuiteChoice
    from sparkbed.verbs import suites

    suites.plan(SuiteChoice(suite, inventory, profile, trials, only, tuple(set or ())))


@verb(
    "suite",
    iterable=["set"],
    help={
        **SUITE_HELP,
        "fresh": "begin a new campaign though one could be resumed",
        "keep-cluster": "leave clusters and hosts up at the end",
        "against": "exit 1 on a regression against this campaign (an id, its beginning, or an archive's path)",
        "margin": "how much slower than --against is allowed",
        "tag": "a word kept with the campaign; `nightly` puts it into the history",
    },
)
def run_suite(
    _c: Context,
    suite: str = "quick",
    inventory: str = "",
    profile: str = "",
    trials: int = 0,
    only: str = "",
    set: list[str] | None = None,  # the flag's name, --set, as the design has it
    fresh: bool = False,
    keep_cluster: bool = False,
    against: str = "",
    margin: str = "5%",
    tag: str = "",
) -> None:
    """Run a suite, or go on with an interrupted campaign of it. Ends with a table and the report's path.

    Example: ./inv run-suite quick --trials 3
    """
    from sparkbed.assembly import SuiteChoice
    from sparkbed.verbs import suites

    choice = SuiteChoice(suite, inventory, profile, trials, only, tuple(set or ()))
    options = suites.RunOptions(fresh=fresh, keep_cluster=keep_cluster, against=against, margin=margin, tag=tag)
    suites.run_suite(choice, options)


@verb(
    "campaign",
    help={
        "campaign": "the campaign's id, its beginning, or an archive's path (default: the last)",
        "format": "html writes a page, svg a folder of figures; md, json, csv, spark-perf and spark-perf-json print",
        "output": "write here instead",
        "history": "the history of nightly campaigns as a page instead",
        "tag": "with --history: of campaigns with this tag (default: nightly)",
        "plan": "with --history: another plan than suites/nightly.yml",
        "event-log": "of any Spark application's event log instead: a file, or a rolling log's folder (html, md, json)",
    },
)
def report(
    _c: Context,
    campaign: str = "",
    format: str = "html",  # the flag's name, --format, as the design has it
    output: str = "",
    history: bool = False,
    tag: str = "",
    event_log: str = "",
    plan: str = "",
) -> None:
    """A campaign as one self-contained HTML page, or printed as md, json, csv, or as spark-perf printed its results.

    Example: ./inv report --format md
    """
    if history:
        from sparkbed.verbs import nightly

        nightly.history(tag, output, plan)
    elif event_log:
        from sparkbed.verbs import event_logs

        event_logs.report(event_log, campaign, format, output)
    else:
        from sparkbed.verbs import results

        results.report(campaign, format, output)


@verb(
    "change",
    help={
        "change": "the change's id, or its beginning (default: list all changes)",
        "reason": "why it is no regression to look at any more",
        "remove": "take the acknowledgement back",
        "tag": "of the history of campaigns with this tag (default: nightly)",
        "plan": "another plan than suites/nightly.yml",
    },
)
def acknowledge(
    _c: Context, change: str = "", reason: str = "", remove: bool = False, tag: str = "", plan: str = ""
) -> None:
    """The changes of the history; with an id: one that is known, so that it no longer counts as a regression.

    Example: ./inv acknowledge 3f2a91c0 --reason 'JDK 21 since Monday'
    """
    from sparkbed.verbs import nightly

    nightly.acknowledge(change, reason, remove, tag, plan)


@verb(
    "plan",
    help={
        "plan": "another plan than suites/nightly.yml",
        "quiet": "say nothing when all is well, so that cron mails only what matters",
    },
    name="nightly",
)
def nightly_(_c: Context, plan: str = "", quiet: bool = False) -> None:
    """Run the nightly suites, add to the history, look for changes: exit code 1 when something failed or got worse.

    Example: ./inv nightly
    """
    from sparkbed.verbs import nightly

    if not nightly.nightly(plan, quiet):
        raise Exit(code=1)


@verb(
    "campaigns",
    several=True,
    iterable=["campaigns"],
    help={
        "campaigns": "two or more: ids, archives, or a cell of one as in CAMPAIGN:CELL; the first is the baseline",
        "metric": "which metric (default: the first campaign's)",
        "format": "table, md or json",
    },
)
def compare(_c: Context, campaigns: list[str] | None = None, metric: str = "", format: str = "table") -> None:
    """Campaigns or cells side by side: the same cells, each with its ratio to the first, interval and n.

    Example: ./inv compare quick-20261120 quick-20261121
    """
    from sparkbed.verbs import comparing

    comparing.compare(campaigns or [], metric, format)


@verb(
    "campaign",
    help={
        "campaign": "the campaign's id, its beginning, or an archive's path (default: the last)",
        "format": "parquet or csv",
        "to": "the folder for the files (default: the current one)",
        "archive": "write the whole campaign to this one file instead; ./inv report FILE opens it anywhere",
    },
)
def export(_c: Context, campaign: str = "", format: str = "parquet", to: str = ".", archive: str = "") -> None:
    """A campaign's samples and series as Parquet or CSV, or the whole campaign as one file.

    Example: ./inv export --archive my-paper.zip
    """
    from sparkbed.verbs import exporting

    exporting.export(campaign, format, to, archive)


@verb(
    "config",
    help={
        "config": "a config.py of databricks/spark-perf; it is read and not run",
        "output": "the suite's file (default: the configuration's name with .yml, here)",
    },
)
def import_spark_perf(_c: Context, config: str = "", output: str = "") -> None:
    """A suite with the choices of a spark-perf configuration: option sets, scale factor, tests that are on.

    Example: ./inv import-spark-perf config/config.py --output mine.yml
    """
    from sparkbed.verbs import importing

    importing.import_spark_perf(config, output)


@verb("trial", help={"trial": "a trial's id, or its beginning (default: the last failed one, else the last)"})
def logs(_c: Context, trial: str = "") -> None:
    """What a trial's driver and executors wrote.

    Example: ./inv logs quick-20261120-101500-ab-0003
    """
    from sparkbed.verbs import results

    results.logs(trial)


@verb(
    "host",
    rest="command",
    help={
        "host": "the host's name in the inventory",
        "inventory": "its inventory or deployment (default: local)",
        "command": "run this instead of a shell; words after -- mean the same",
    },
)
def shell(_c: Context, host: str = "", inventory: str = "local", command: str = "") -> None:
    """A shell on a host, or one command there.

    Example: ./inv shell master-1 -- uname -a
    """
    from sparkbed import usage
    from sparkbed.verbs import hosts

    code = hosts.shell(host, inventory, usage.words_in("--command", command))
    if code:
        raise Exit(code=1)


@task(
    help={
        "leaks": "what carries our tags on EC2, in the regions of inventories/ and --regions; exit 1 if some is left",
        "regions": "further regions to look in, as us-east-1,eu-west-1; all: every region that the account has",
    }
)
def status(_c: Context, leaks: bool = False, regions: str = "") -> None:
    """Hosts and campaigns that are alive; or what is left on EC2. Example: ./inv status --leaks --regions all"""
    from sparkbed.verbs import hosts

    if not leaks:
        hosts.status()
    elif hosts.leaks(regions):
        raise Exit(code=1)


@verb(
    "inventory",
    help={
        "inventory": "a name in inventories/ or a deployment's; everything on this machine if absent",
        "region": "the deployment is in this region of AWS, and no inventory names it (a killed campaign's, say)",
    },
)
def teardown(_c: Context, inventory: str = "", region: str = "") -> None:
    """Stop clusters and end hosts; finds them by tag even when local state is gone.

    Example: ./inv teardown local
    """
    from sparkbed.verbs import hosts

    hosts.teardown(inventory, region)


@verb(
    help={
        "show": "show the entry that is installed",
        "remove": "take the entry away; other entries stay as they are",
        "at": "when, as hour:minute of the machine's clock",
        "plan": "another plan than suites/nightly.yml",
    },
)
def install_cron(_c: Context, show: bool = False, remove: bool = False, at: str = "02:17", plan: str = "") -> None:
    """An entry in your crontab that runs the nightly suites. Idempotent.

    Example: ./inv install-cron --at 03:30
    """
    from sparkbed.verbs import cron

    cron.install_cron(show=show, remove=remove, at=at, plan=plan)


@task
def check(_c: Context) -> None:
    """Lint and types, as the tests run them. Example: ./inv check"""
    from sparkbed import checks

    if not checks.lint():
        raise Exit(code=1)


@verb(
    rest="pytest",
    help={
        "all": "every real component too, as CI runs it (up to 40 minutes)",
        "soak": "what takes longer: many kills, many nodes",
        "pytest": "arguments for pytest; words after -- mean the same",
    },
)
def test(_c: Context, all: bool = False, soak: bool = False, pytest: str = "") -> None:  # --all
    """The tests: lint, types and the fast tier; more with --all and --soak.

    Example: ./inv test -- tests/inventory -k ranges
    """
    from sparkbed import checks, usage

    if not checks.test(everything=all, soak=soak, arguments=usage.words_in("--pytest", pytest)):
        raise Exit(code=1)


@verb(
    "name",
    rest="options",
    help={
        "name": "harness (default): run-suite against a script; playbooks: ours against Ansible's; ipc: exchanges;"
        " submit: our Scala test against the same loop by hand; changepoints: ours against Otava's and ruptures';"
        " eventlog: our reading of event logs against the History Server's",
        "rounds": "how many interleaved rounds",
        "options": "the benchmark's own options; words after -- mean the same (-- --help shows them)",
    },
)
def bench(_c: Context, name: str = "harness", rounds: int = 3, options: str = "") -> None:
    """Our own speed against peers', side by side in one run.

    Example: ./inv bench playbooks --rounds 5 -- --hosts 10
    """
    from sparkbed import checks, usage

    if not checks.bench(name, rounds, usage.words_in("--options", options)):
        raise Exit(code=1)
