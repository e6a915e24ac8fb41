"""The frame around the pages: which there are, and what stands there where no marts are."""

import streamlit as st

from dashboard import call, calls, overview, quality, review
from dashboard.parts import empty
from emotion_pipeline.engine.common.errors import EmotionPipelineError

st.set_page_config(page_title="How calls go", page_icon="📞", layout="wide")
PAGES = [
    st.Page(overview.show, title="Overview", icon=":material/monitoring:", url_path="overview", default=True),
    st.Page(calls.show, title="Calls", icon=":material/list:", url_path="calls"),
    st.Page(call.show, title="One call", icon=":material/graphic_eq:", url_path="call"),
    st.Page(review.show, title="Review", icon=":material/rate_review:", url_path="review"),
    st.Page(quality.show, title="Quality", icon=":material/verified:", url_path="quality"),
]
page = st.navigation(PAGES, position="top")
st.title(page.title)
try:
    page.run()
except EmotionPipelineError as error:
    empty(str(error))
