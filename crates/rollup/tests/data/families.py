"""The user agents on stdin, with what others say of them: the family by the Python implementation of uap-core, and XXH3.

    pip install ua-parser==1.0.2 pyyaml xxhash
    zcat ../../../../tests/data/apache_access.log.gz | awk -F'"' '{print $6}' | LC_ALL=C sort -u |
        python3 families.py uap-core/regexes.yaml > real_agents.tsv
"""

import sys

import xxhash
from ua_parser import Parser
from ua_parser.basic import Resolver
from ua_parser.loaders import load_yaml

parser = Parser(Resolver(load_yaml(sys.argv[1])))
for agent in (line.rstrip("\n") for line in sys.stdin):
    found = parser.parse_user_agent(agent)
    print(agent, found.family if found else "Other", xxhash.xxh3_64_hexdigest(agent.encode()), sep="\t")
