"""Networks of others in the layouts that their own libraries export: pictures in, people, joints, hands, deeds out.

A file says in its metadata which architecture it is (`openaisle models add`); shapes are checked when it is opened.
Never here: weights, frameworks, downloads.
"""
